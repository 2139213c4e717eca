import NSOClient
import NSOModel
import NSOWire

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

// A data provider in which a test makes something go wrong at a step of its choice (`Faults`). It stores configuration in a file, serves
// rows with and without whole objects, checks a leaf, and performs an action.
// Argument: the directory of the daemon, where its files are too.

/// At once, also into a file.
@Sendable func say(_ text: String) {
  print(text)
  fflush(nil)
}

let directory = CommandLine.arguments.count > 1 ? CommandLine.arguments[1] : "."
let faults = Faults(directory: directory)
let store = FileStore(path: directory + "/theirs", faults: faults)
var provider = DataProvider(name: "theirs")
provider.flags = [.sendsPaths, .noDefaults, .preferBulkGet]
provider.transactions = store
provider.data("theirs-cp", store)
provider.data("rows-cp", Faulty(base: Rows(count: 20, offers: .counts), faults: faults))
provider.data("objects-cp", Faulty(base: Rows(count: 20, offers: [.objects, .counts]), faults: faults))
provider.validation("checked-val") { _ in
  try await faults.reach("validate")
  return .valid
}
provider.action("run-ap", ownWorker: false) { _ in
  try await faults.reach("action")
  return [TaggedValue("done", .string("yes"))]
}

do {
  let reconnection = Reconnection(first: .milliseconds(20), longest: .milliseconds(100))
  try await NSOClient(endpoint: try Endpoint()).serve(provider, reconnecting: reconnection) { event in
    switch event {
    case .registered(let instance): say("registered with the daemon as instance \(instance)")
    case .lost(let error): say("no daemon: \(error)")
    }
  }
} catch {
  say("the provider ends: \(error)")
  exit(1)
}
