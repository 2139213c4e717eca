import NSOClient
import NSOModel
import NSOWire

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

// A data provider: live counters of the host's network interfaces under ietf-interfaces, and actions that reset them.
// The daemon is found as the tools find it: NCS_IPC_PATH, NCS_IPC_ADDR, NCS_IPC_PORT, NCS_IPC_ACCESS_FILE.

/// At once, also into a file.
@Sendable func say(_ text: String) {
  print(text)
  fflush(nil)
}

let data = InterfaceData()
var provider = DataProvider(name: "interface-statistics")
provider.data("interface-statistics", data)
provider.action("reset-interface-statistics") { action in
  // The action of one interface is in its entry; the rpc for all is at the top.
  var name: String?
  for case .keys(let keys) in action.path.elements { if case .string(let key)? = keys.first { name = key } }
  let (count, time) = try data.reset(name)
  say("reset \(name ?? "all interfaces") for \(action.call.user?.user ?? "session \(action.call.session)")")
  return [TaggedValue("interfaces", .uint32(UInt32(clamping: count))), TaggedValue("time", .dateTime(time))]
}

do {
  try await NSOClient(endpoint: try Endpoint()).serve(provider) { event in
    switch event {
    case .registered(let instance): say("registered with the daemon as instance \(instance)")
    case .lost(let error): say("no daemon: \(error)")
    }
  }
} catch {
  say("interface-statistics: \(error)")
  exit(1)
}
