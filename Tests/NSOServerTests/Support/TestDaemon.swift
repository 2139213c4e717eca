import Foundation
import Logging
import NIOCore
import NIOPosix
import NSOEngine
import NSOModel
import NSOSchema
import NSOStore
import NSOWire

@testable import NSOServer

/// A server with an engine of its own on a private Unix socket, with the models of this file.
final class TestDaemon: Sendable {
  let folder: TemporaryFolder
  let engine: Engine
  let server: IPCServer
  let log: LogRecorder
  let control: TestControl

  var address: ListenAddress { .unix(path: folder("ipc")) }

  private init(
    added: [(String, String)], change: (inout IPCServerConfiguration) throws -> Void,
    engine changeEngine: (inout EngineConfiguration) -> Void
  ) throws {
    let folder = try TemporaryFolder()
    self.folder = folder
    let models =
      [
        ("plant", TestModels.plant), ("safety", TestModels.safety), ("kinds", TestModels.kinds), ("annex", AnnexModel.text),
      ] + added
    for (name, text) in models {
      try text.write(toFile: folder("\(name).yang"), atomically: true, encoding: .utf8)
    }
    let schema = try SchemaLoader(
      files: models.map { folder("\($0.0).yang") }, searchPath: [AnnexModel.directory]
    ).load()
    log = LogRecorder()
    var engineConfiguration = EngineConfiguration()
    changeEngine(&engineConfiguration)
    engine = try Engine(
      schema: schema,
      stores: Engine.Stores(
        durable: try Store(StoreOptions(path: folder("durable"), durability: .volatile, maximumSize: 64 << 20)),
        volatile: try Store(StoreOptions(path: folder("volatile"), durability: .volatile, maximumSize: 64 << 20))),
      configuration: engineConfiguration, log: log.logger)
    engine.phases.advance(to: .started)
    control = TestControl()
    var configuration = IPCServerConfiguration(listeners: [.unix(path: folder("ipc"))])
    try change(&configuration)
    server = IPCServer(
      configuration: configuration, engine: engine, control: control, group: .singletonMultiThreadedEventLoopGroup,
      logger: log.logger)
  }

  /// Runs `body` with a daemon that is stopped afterwards. The body blocks, so it has a thread of its own: the few threads
  /// of Swift's tasks belong to the engine.
  /// - Parameter added: models besides those of this file, by name.
  static func run(
    added: [(String, String)] = [], change: (inout IPCServerConfiguration) throws -> Void = { _ in },
    engine changeEngine: (inout EngineConfiguration) -> Void = { _ in }, _ body: @escaping @Sendable (TestDaemon) throws -> Void
  ) async throws {
    let daemon = try TestDaemon(added: added, change: change, engine: changeEngine)
    try await daemon.server.start()
    let result = await Task(executorPreference: ThreadPerJob()) { Result { try body(daemon) } }.value
    await daemon.server.stop(within: .seconds(1))
    try result.get()
  }

  /// Waits for an asynchronous call from the body's thread.
  func wait(_ body: @escaping @Sendable (TestDaemon) async -> Void) {
    let done = DispatchSemaphore(value: 0)
    Task {
      await body(self)
      done.signal()
    }
    done.wait()
  }

  /// Waits for something that another thread does soon.
  func until(_ condition: () -> Bool) throws {
    for _ in 0..<60_000 {
      if condition() { return }
      usleep(1000)
    }
    throw NSOError(.timeout, "what was waited for did not happen")
  }

  /// A connection that has said hello.
  func connect(_ client: ClientID = .maapi) throws -> WireClient { try WireClient(address, client) }

  /// A MAAPI connection with a user session.
  func session(_ user: String = "admin", context: String = "system", groups: [String] = []) throws -> WireClient {
    let client = try connect()
    try client.done(.startUserSession(StartUserSession(user: user, context: context, groups: groups)))
    return client
  }
}

/// Runs each piece of a task on a thread of its own, where it may block.
final class ThreadPerJob: TaskExecutor {
  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    Thread { job.runSynchronously(on: self.asUnownedTaskExecutor()) }.start()
  }
}

/// Notes what it was asked.
final class TestControl: DaemonControl {
  private let asked = NIOLockedList()

  func stop() { asked.add("stop") }
  func reload() async throws(NSOError) { asked.add("reload") }
  func reopenLogs() async throws(NSOError) { throw NSOError(.external, "no logs here") }
  func start(phase: Int) async throws(NSOError) { asked.add("phase \(phase)") }
  func statusText() async -> String { "status: fine" }
  func dumpText() async -> String { "dump: fine" }
  func loadSchema(_ directories: [String]) throws(NSOError) -> Schema {
    do throws(SchemaError) { return try SchemaLoader(loadPath: directories).load() } catch {
      throw NSOError(.badConfig, "\(error)")
    }
  }

  var requests: [String] { asked.all }
}

final class NIOLockedList: @unchecked Sendable {
  // Guarded by the lock.
  private var items: [String] = []
  private let lock = NSLock()

  func add(_ item: String) { lock.withLock { items.append(item) } }
  var all: [String] { lock.withLock { items } }
}

enum TestModels {
  static let plant = """
    module plant {
      yang-version 1.1;
      namespace "urn:ex:plant";
      prefix p;
      container plant {
        leaf owner { type string; }
        leaf mode { type enumeration { enum slow; enum fast { value 7; } } default slow; }
        leaf-list colour { type string; ordered-by user; }
        leaf strict { type empty; }
        list site {
          key id;
          leaf id { type string { length "1..20"; } }
          leaf title { type string; }
          leaf floors { type uint8 { range "1..99"; } default 1; }
          leaf-list tags { type string; }
          container alarm {
            presence "an alarm is configured";
            leaf level { type enumeration { enum low; enum high; } }
          }
          container address { leaf street { type string; } leaf number { type int32; } }
          list port {
            key "slot num";
            leaf slot { type uint8; }
            leaf num { type uint16; }
            leaf speed { type uint64; }
          }
          list step {
            key name;
            ordered-by user;
            leaf name { type string; }
            leaf text { type string; }
          }
          choice power {
            default mains;
            case mains { leaf voltage { type uint16; } }
            case battery { leaf cells { type uint8; } leaf chemistry { type string; } }
          }
          container site-stats { config false; leaf visits { type uint32; } }
        }
      }
      container plant-state {
        config false;
        leaf uptime { type uint64; }
        list site-state {
          key id;
          leaf id { type string; }
          leaf temperature { type decimal64 { fraction-digits 2; } }
          leaf online { type boolean; }
          container link { presence "up"; leaf rate { type uint32; } }
        }
        list event {
          leaf text { type string; }
        }
      }
    }
    """

  static let safety = """
    module safety {
      yang-version 1.1;
      namespace "urn:ex:safety";
      prefix s;
      import plant { prefix p; }
      augment "/p:plant/p:site" { leaf zone { type uint16; } }
      container rules { leaf count { type int32; } }
      augment "/p:plant/p:site" {
        action inspect {
          input { leaf depth { type uint8; default 2; } }
          output { leaf found { type string; } }
        }
      }
      rpc drill { input { leaf minutes { type uint8; mandatory true; } } }
    }
    """

  static let kinds = """
    module kinds {
      yang-version 1.1;
      namespace "urn:ex:kinds";
      prefix k;
      identity colour;
      identity red { base colour; }
      container kinds {
        leaf int8 { type int8; }
        leaf int16 { type int16; }
        leaf int32 { type int32; }
        leaf int64 { type int64; }
        leaf uint8 { type uint8; }
        leaf uint16 { type uint16; }
        leaf uint32 { type uint32; }
        leaf uint64 { type uint64; }
        leaf string { type string { length "0..10"; pattern "[a-z]*"; } }
        leaf bool { type boolean; }
        leaf enum { type enumeration { enum a; enum b { value 5; } } }
        leaf bits { type bits { bit x; bit y; } }
        leaf binary { type binary; }
        leaf decimal { type decimal64 { fraction-digits 3; } }
        leaf identity { type identityref { base colour; } }
        leaf instance { type instance-identifier { require-instance false; } }
        leaf union { type union { type uint8; type string; } }
        leaf-list list { type int32; }
      }
    }
    """
}
