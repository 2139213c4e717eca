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

// Each reset is told on the notification stream interface-statistics.

/// At once, also into a file.
@Sendable func say(_ text: String) {
  print(text)
  fflush(nil)
}

@Sendable func now() -> DateTime {
  var time = timespec()
  clock_gettime(CLOCK_REALTIME, &time)
  return DateTime(microsecondsSince1970: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000)
}

/// Tells subscribers of a reset, and keeps it for those that come later.
@Sendable func tell(_ interface: String?, _ user: String, _ outcome: [TaggedValue]) async {
  let element = Tag("statistics-reset", in: InterfaceData.module)
  let name = interface.map { [TaggedValue("interface", .string($0))] } ?? []
  let values =
    [TaggedValue(element, .start)] + name + [TaggedValue("user", .string(user))] + outcome + [TaggedValue(element, .stop)]
  let notification = LoggedNotification(values, at: now())
  resets.add(notification)
  do {
    try await stream.send(notification.values, at: notification.time)
  } catch {
    say("the reset is in the log only: \(error)")
  }
}

guard CommandLine.arguments.count < 2 else {
  say(
    """
    usage: interface-statistics
    Serves the counters of this host's network interfaces for the daemon that NCS_IPC_PATH, NCS_IPC_ADDR, NCS_IPC_PORT and
    NCS_IPC_ACCESS_FILE name, until it is stopped. See README.md beside it.
    """)
  exit(["-h", "--help"].contains(CommandLine.arguments[1]) ? 0 : 2)
}

let data = InterfaceData()
var provider = DataProvider(name: "interface-statistics")
provider.data("interface-statistics", data)
// An interface that is configured has a type at once: its user need not give one.
provider.hook("interface-type", on: .create) { hook in
  guard case .created(let interface) = hook.change else { return }
  try await hook.withTransaction { transaction in
    try await transaction.set(text: "ifs:host-interface", at: interface.appending("type"))
  }
}
let resets = ResetLog(created: now())
let stream = NotificationStream("interface-statistics", log: resets)
provider.stream(stream)
provider.action("reset-interface-statistics") { action in
  // The action of one interface is in its entry; the rpc for all is at the top.
  var name: String?
  for case .keys(let keys) in action.path.elements { if case .string(let key)? = keys.first { name = key } }
  let (count, time) = try data.reset(name)
  let user = action.call.user?.user ?? "session \(action.call.session)"
  say("reset \(name ?? "all interfaces") for \(user)")
  let outcome = [TaggedValue("interfaces", .uint32(UInt32(clamping: count))), TaggedValue("time", .dateTime(time))]
  await tell(name, user, outcome)
  return outcome
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
