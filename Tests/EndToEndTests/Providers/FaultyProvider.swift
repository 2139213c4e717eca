import Glibc
import NSOClient
import NSOModel
import NSOWire
import Testing

/// A daemon in a directory of its own, and the provider program `NSOFaultyProvider`, in which something goes wrong where a test says.
struct FaultyProvider {
  /// What goes wrong.
  enum Fault: String, CaseIterable, Sendable {
    /// SIGKILL of the provider.
    case kill
    /// SIGSTOP of the provider, longer than the time limit.
    case stop
    /// Slow, but in time.
    case slow
    /// An error as answer.
    case error
    /// SIGKILL of the daemon.
    case daemon
  }

  static let model = """
    module pair {
      yang-version 1.1; namespace "urn:pair"; prefix p;
      import tailf-common { prefix tailf; }
      container ours { leaf text { type string; must "not(/p:theirs/p:limit) or /p:theirs/p:limit != .."; } }
      container theirs {
        tailf:callpoint theirs-cp;
        leaf limit { type string; }
        leaf text { type string; }
        list item { key id; leaf id { type uint32; } leaf value { type string; } }
      }
      container rows {
        config false; tailf:callpoint rows-cp;
        list row { key id; leaf id { type uint32; } leaf square { type uint64; } }
      }
      container objects {
        config false; tailf:callpoint objects-cp;
        list row { key id; leaf id { type uint32; } leaf square { type uint64; } }
      }
      leaf checked { type string; tailf:validate checked-val; }
      container acts { action run { tailf:actionpoint run-ap; output { leaf done { type string; } } } }
    }
    """

  static func path(_ top: String, _ elements: Keypath.Element...) -> Keypath {
    Keypath([.tag(Tag(top, in: "urn:pair"))] + elements)
  }

  let instance: Instance
  let client: NSOClient

  /// The time limits are short where they are waited for, and long where nothing may be late.
  init(_ fault: Fault) throws {
    let limit = fault == .stop ? "PT2S" : "PT60S"
    let times = ["new-session-timeout", "query-timeout", "action-timeout"].map { "<\($0)>\(limit)</\($0)>" }.joined()
    instance = try Instance(settings: "<api>\(times)</api>", model: Self.model)
    client = NSOClient(endpoint: Endpoint(.unix(path: instance.path + "/ipc")))
  }

  func arm(_ step: String, _ fault: Fault) throws { try instance.write("fault", "\(step) \(fault.rawValue)") }

  /// Whether the step was reached.
  var isSprung: Bool { !instance.exists("fault") }

  /// Starts the provider; returns when it is registered.
  func start() async throws -> ChildProcess {
    let provider = try ChildProcess(
      Instance.programs + "/NSOFaultyProvider", [instance.path], environment: instance.environment)
    do {
      _ = try await provider.output(until: "registered")
      return provider
    } catch {
      provider.signal(SIGKILL)
      throw error
    }
  }

  /// The provider serves again after what went wrong: another one, or the same that goes on.
  func again(_ provider: ChildProcess, after fault: Fault) async throws -> ChildProcess {
    switch fault {
    case .kill:
      _ = try await provider.finish()
      return try await start()
    case .stop:
      // Before that the daemon has to give it up.
      _ = try await status { !$0.contains(" theirs, ") }
      provider.signal(SIGCONT)
      _ = try await provider.output(until: "registered")
    case .daemon: _ = try await provider.output(until: "registered")
    case .slow, .error: break
    }
    return provider
  }

  func status() async throws -> String { try await instance.run("ncs", "--status").output }

  /// Asks for the status until something holds; the limit is for broken programs.
  func status(until condition: (String) -> Bool) async throws -> String {
    var text = ""
    for _ in 0..<200 {
      text = try await status()
      if condition(text) { return text }
    }
    return text
  }

  /// In a session of its own.
  func session<Value: Sendable>(_ body: (MAAPI) async throws -> Value) async throws -> Value {
    try await client.withMAAPI { (maapi) async throws in
      try await maapi.startUserSession(user: "admin", context: "system")
      return try await body(maapi)
    }
  }

  /// The words of what is thrown.
  func failure(_ body: () async throws -> Void) async -> String? {
    do {
      try await body()
      return nil
    } catch {
      return "\(error)"
    }
  }
}
