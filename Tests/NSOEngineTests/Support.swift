import Glibc
import Logging
import NSOModel
import NSOSchema
import NSOStore

@testable import NSOEngine

/// A folder that goes away with the object.
final class TemporaryFolder: Sendable {
  let path: String

  init() throws {
    var template = Array("/tmp/nso-engine-XXXXXX".utf8CString)
    guard let made = mkdtemp(&template) else { throw NSOError(.operatingSystem, "mkdtemp: errno \(errno)") }
    path = String(cString: made)
  }

  deinit {
    removeFolder(path)
  }

  func write(_ name: String, _ text: String) throws -> String {
    let file = path + "/" + name
    guard let handle = fopen(file, "w") else { throw NSOError(.operatingSystem, "fopen \(file)") }
    fputs(text, handle)
    fclose(handle)
    return file
  }
}

/// Removes a folder with all below.
private func removeFolder(_ path: String) {
  func clear(_ path: String) {
    guard let folder = opendir(path) else { return }
    while let entry = readdir(folder) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      guard name != ".", name != ".." else { continue }
      let inner = path + "/" + name
      if entry.pointee.d_type == UInt8(DT_DIR) { clear(inner) } else { unlink(inner) }
    }
    closedir(folder)
    rmdir(path)
  }
  clear(path)
}

let testModule = """
  module t {
    yang-version 1.1;
    namespace "urn:t";
    prefix t;

    identity kind;
    identity fast { base kind; }

    container top {
      leaf name { type string { length "1..8"; } default "unnamed"; }
      leaf load { type uint8 { range "0..100"; } default 10; }
      leaf mode { type enumeration { enum off; enum on; enum auto { value 5; } } default on; }
      leaf kind { type identityref { base kind; } }
      leaf flag { type empty; }
      leaf ratio { type decimal64 { fraction-digits 2; } }
      leaf big { type uint64; }
      leaf-list tags { type string; }
      leaf-list order { type int32; ordered-by user; }
      container opt { presence "yes"; leaf inner { type int32; default 7; } }
      list server {
        key "name port";
        leaf name { type string; }
        leaf port { type uint16; }
        leaf desc { type string; }
        leaf weight { type int32; default 1; }
        list alias { key id; leaf id { type string; } leaf note { type string; } }
        leaf hits { config false; type uint32; }
      }
      list number { key n; leaf n { type int32; } leaf text { type string; } }
      list rule { key id; ordered-by user; leaf id { type string; } leaf act { type string; } }
      choice transport {
        default tcp;
        case tcp { leaf tcp-port { type uint16; default 80; } }
        case udp { leaf udp-port { type uint16; } leaf checksum { type boolean; default true; } }
      }
    }
    container state {
      config false;
      leaf uptime { type uint32; }
      list peer { key id; leaf id { type string; } leaf rtt { type uint32; } }
    }
  }
  """

/// An engine on its own stores, started.
struct TestEngine {
  let folder: TemporaryFolder
  let engine: Engine
  let session: UserSession

  init(
    in folder: TemporaryFolder? = nil, module: String = testModule, configure: (inout EngineConfiguration) -> Void = { _ in }
  ) throws {
    let folder = try folder ?? TemporaryFolder()
    let file = try folder.write("t.yang", module)
    try self.init(in: folder, schema: try SchemaLoader(files: [file]).load(), configure: configure)
  }

  init(in folder: TemporaryFolder, schema: Schema, configure: (inout EngineConfiguration) -> Void = { _ in }) throws {
    self.folder = folder
    let stores = Engine.Stores(
      durable: try Store(StoreOptions(path: folder.path + "/db", maximumSize: 1 << 30)),
      volatile: try Store(StoreOptions(path: folder.path + "/oper", durability: .volatile, maximumSize: 1 << 30)))
    var configuration = EngineConfiguration()
    configure(&configuration)
    engine = try Engine(schema: schema, stores: stores, configuration: configuration, log: Logger(label: "test"))
    engine.phases.advance(to: .started)
    session = try engine.sessions.start(UserSessionRequest(user: "admin", context: "system"))
  }

  func close() {
    engine.stores.durable.close()
    engine.stores.volatile.close()
  }

  func start(_ mode: TransactionMode = .readWrite, on database: DatabaseName = .running) throws -> Transaction {
    try engine.startTransaction(session, on: database, mode)
  }

  func locate(_ path: String) throws -> Location {
    try engine.model.locate(try engine.model.schema.parsePath(path).keypath)
  }

  /// The value at a path, in running as it is now.
  func value(_ path: String) throws -> Value? { try engine.currentView().value(try locate(path)) }

  func change(_ body: (inout TreeEditor) throws -> Void) async throws {
    let transaction = try start()
    try transaction.write { (editor) throws(NSOError) in
      do { try body(&editor) } catch let error as NSOError { throw error } catch { throw NSOError(.internal, "\(error)") }
    }
    try await engine.apply(transaction, keepOpen: false)
    engine.finish(transaction)
  }
}

/// The code of the error that `body` throws; nil when it throws none.
func code(_ body: () throws -> Void) -> ErrorCode? {
  do {
    try body()
    return nil
  } catch let error as NSOError {
    return error.code
  } catch {
    return .internal
  }
}

/// As above, for what waits.
func code(_ body: () async throws -> Void) async -> ErrorCode? {
  do {
    try await body()
    return nil
  } catch let error as NSOError {
    return error.code
  } catch {
    return .internal
  }
}
