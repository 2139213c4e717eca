import CLibSSH
import Logging
import NSOEngine
import NSOModel
import NSOTerminal

/// One connection: the library's objects, and the thread that alone uses them from their making to their end.
final class SSHConnection {
  /// What all connections have in common.
  struct Context: Sendable {
    var engine: Engine
    var service: any SSHService
    var settings: SSHSettings
    var gate: SSHLoginGate
  }

  /// Why a connection ends, for the log.
  struct Ending: Error {
    var reason: String
  }

  let handle: SSHConnectionHandle
  let context: Context
  let session: ssh_session
  private let event: ssh_event
  private let callbacks: UnsafeMutablePointer<ssh_server_callbacks_struct>
  private let counters: UnsafeMutablePointer<ssh_counter_struct>
  var channels: [SSHChannelSlot] = []
  private var isClosing = false
  var peer: SSHPeer?
  var failures = 0
  var hasShownBanner = false
  /// Set in a callback, where a connection cannot end.
  var ending: String?
  private var idleSince: ContinuousClock.Instant?
  private var heard: (bytes: UInt64, at: ContinuousClock.Instant)
  private var probes = 0
  /// Times in a row that waiting failed.
  private var faults = 0

  /// More bytes than that wait for a peer that does not read: it is dropped.
  private static let backlogLimit: UInt64 = 8 << 20
  /// What a peer may have sent that was not fetched: the window that it was given is smaller.
  private static let unreadLimit: Int32 = 4 << 20
  static let channelLimit = 10

  /// Runs a connection to its end; takes the socket.
  static func run(_ descriptor: Int32, _ handle: SSHConnectionHandle, _ context: Context) {
    let log = context.engine.log
    do {
      let connection = try SSHConnection(descriptor, handle, context)
      let reason = connection.run()
      connection.close(reason)
      log.info("SSH connection \(handle.id) from \(handle.address):\(handle.port) has ended: \(reason)")
    } catch {
      log.warning("SSH connection \(handle.id) from \(handle.address):\(handle.port) cannot be served: \(error)")
    }
  }

  private init(_ descriptor: Int32, _ handle: SSHConnectionHandle, _ context: Context) throws(SSHError) {
    self.handle = handle
    self.context = context
    let bind: ssh_bind
    do { bind = try Self.makeBind(context.settings) } catch {
      closeDescriptor(descriptor)
      throw error
    }
    defer { ssh_bind_free(bind) }
    guard let session = ssh_new(), let event = ssh_event_new() else {
      closeDescriptor(descriptor)
      throw SSHError(.system, "there is no memory for a session")
    }
    self.session = session
    self.event = event
    callbacks = .allocate(capacity: 1)
    callbacks.initialize(to: ssh_server_callbacks_struct())
    counters = .allocate(capacity: 2)
    counters.initialize(repeating: ssh_counter_struct(), count: 2)
    heard = (0, .now)
    guard ssh_bind_accept_fd(bind, session, descriptor) == SSH_OK else {
      let text = errorText(bind)
      ssh_event_free(event)
      ssh_free(session)
      throw SSHError(.system, text)
    }
    ssh_set_blocking(session, 0)
    ssh_set_counters(session, counters, counters + 1)
    var bytes = context.settings.rekeyBytes
    if bytes > 0 { ssh_options_set(session, SSH_OPTIONS_REKEY_DATA, &bytes) }
    var seconds = context.settings.rekeySeconds
    if seconds > 0 { ssh_options_set(session, SSH_OPTIONS_REKEY_TIME, &seconds) }
  }

  /// The library has let go of them by then.
  deinit {
    counters.deallocate()
    callbacks.deallocate()
  }

  /// The library's settings of a server.
  /// - Throws: for algorithms that it does not have.
  static func makeBind(_ settings: SSHSettings) throws(SSHError) -> ssh_bind {
    guard let bind = ssh_bind_new() else { throw SSHError(.system, "there is no memory for a server") }
    // Only what ncs.conf says counts, not the files of the library.
    var no = false
    ssh_bind_options_set(bind, SSH_BIND_OPTIONS_PROCESS_CONFIG, &no)
    ssh_bind_options_set(bind, SSH_BIND_OPTIONS_BANNER, "swift-nso")
    let lists: [(ssh_bind_options_e, String, String)] = [
      (SSH_BIND_OPTIONS_HOSTKEY_ALGORITHMS, settings.algorithms.hostKeys, "server-host-key"),
      (SSH_BIND_OPTIONS_KEY_EXCHANGE, settings.algorithms.keyExchange, "kex"),
      (SSH_BIND_OPTIONS_CIPHERS_C_S, settings.algorithms.ciphers, "encryption"),
      (SSH_BIND_OPTIONS_CIPHERS_S_C, settings.algorithms.ciphers, "encryption"),
      (SSH_BIND_OPTIONS_HMAC_C_S, settings.algorithms.macs, "mac"),
      (SSH_BIND_OPTIONS_HMAC_S_C, settings.algorithms.macs, "mac"),
    ]
    for (option, list, name) in lists where !list.isEmpty {
      guard ssh_bind_options_set(bind, option, list) == SSH_OK else {
        ssh_bind_free(bind)
        throw SSHError(
          .algorithms, "ssh/algorithms/\(name): none of \"\(list)\" is supported; name others, or leave the setting out")
      }
    }
    for hostKey in settings.hostKeys {
      guard let key = hostKey.key() else { continue }
      // Taken by the library if it succeeds.
      if ssh_bind_options_set(bind, SSH_BIND_OPTIONS_IMPORT_KEY, UnsafeRawPointer(key)) != SSH_OK { ssh_key_free(key) }
    }
    return bind
  }

  /// - Throws: for a list of algorithms of which the library knows nothing.
  static func check(_ settings: SSHSettings) throws(SSHError) { ssh_bind_free(try makeBind(settings)) }

  // MARK: The thread

  /// - Returns: why it is over.
  private func run() -> String {
    do {
      try prepare()
      while true {
        try poll()
        try serveChannels()
        try checkTimes()
      }
    } catch { return error.reason }
  }

  private func prepare() throws(Ending) {
    callbacks.pointee = Self.makeCallbacks(self)
    guard ssh_set_server_callbacks(session, callbacks) == SSH_OK else { throw Ending(reason: errorText(session)) }
    let methods = context.settings.publicKeys == .none ? Int32(SSH_AUTH_METHOD_PASSWORD) : nso_ssh_auth_methods
    ssh_set_auth_methods(session, methods)
    // That the thread is awake is all.
    let take: ssh_event_callback = { _, _, _ in 0 }
    // The first step of it, which waits for nothing: until then the library has nothing to be watched.
    guard [SSH_OK, SSH_AGAIN].contains(ssh_handle_key_exchange(session)) else {
      throw Ending(reason: "no agreement on keys: \(errorText(session))")
    }
    guard ssh_event_add_session(event, session) == SSH_OK,
      ssh_event_add_fd(event, handle.wakeDescriptor, Int16(pollInput), take, nil) == SSH_OK
    else { throw Ending(reason: "the connection cannot be watched: \(errorText(session))") }
    while true {
      switch ssh_handle_key_exchange(session) {
      case SSH_OK: return
      case SSH_AGAIN: try poll()
      default: throw Ending(reason: "no agreement on keys: \(errorText(session))")
      }
      try checkTimes()
    }
  }

  /// Waits until there is something to do, and has the library do its part of it.
  private func poll() throws(Ending) {
    let result = ssh_event_dopoll(event, milliseconds)
    handle.drain()
    if let reason = ending ?? handle.ending { throw Ending(reason: reason) }
    let isGone = ssh_get_status(session) & Int32(SSH_CLOSED | SSH_CLOSED_ERROR) != 0 || ssh_is_connected(session) == 0
    // It fails once for each thing that is not watched any more; that does not go on.
    faults = result == SSH_ERROR ? faults + 1 : 0
    guard !isGone, faults < 100 else { throw Ending(reason: goneText) }
    // What the library made for the peer, and what the socket took.
    guard counters[1].out_bytes < counters[0].out_bytes &+ Self.backlogLimit else {
      throw Ending(reason: "the client reads nothing of what it asked for")
    }
  }

  private var goneText: String {
    let text = errorText(session)
    return text.isEmpty ? "the client has closed the connection" : "the client has closed the connection (\(text))"
  }

  // MARK: Times

  private var deadlines: [ContinuousClock.Instant] {
    let settings = context.settings
    var all: [ContinuousClock.Instant] = []
    if peer == nil {
      if let limit = settings.graceTime { all.append(handle.since + limit) }
      return all
    }
    if let idleSince, let limit = settings.idleTime { all.append(idleSince + limit) }
    if let interval = settings.aliveInterval { all.append(heard.at + interval * (probes + 1)) }
    return all
  }

  private var milliseconds: Int32 {
    guard let next = deadlines.min() else { return 60_000 }
    let rest = (next - .now).components
    guard rest.seconds < 60 else { return 60_000 }
    return Int32(max(0, rest.seconds * 1000 + rest.attoseconds / 1_000_000_000_000_000 + 1))
  }

  private func checkTimes() throws(Ending) {
    let settings = context.settings
    let now = ContinuousClock.now
    guard peer != nil else {
      if let limit = settings.graceTime, now >= handle.since + limit {
        throw Ending(reason: "nobody has logged in within aaa/ssh-login-grace-time")
      }
      return
    }
    if channels.isEmpty {
      let since = idleSince ?? now
      idleSince = since
      if let limit = settings.idleTime, now >= since + limit {
        throw Ending(reason: "no channel was open for ssh/idle-connection-timeout")
      }
    } else {
      idleSince = nil
    }
    if counters[0].in_bytes != heard.bytes {
      heard = (counters[0].in_bytes, now)
      probes = 0
    }
    guard let interval = settings.aliveInterval, now >= heard.at + interval * (probes + 1) else { return }
    guard probes < settings.aliveCount else {
      throw Ending(reason: "the client has not answered for \(now - heard.at) (ssh/client-alive-count-max)")
    }
    probes += 1
    // Where the answer to the last one is there by now the first call takes it, and the second one asks. Else the second does nothing.
    if probes == 1 {
      ssh_send_keepalive(session)
      ssh_send_keepalive(session)
    }
  }

  // MARK: Channels

  private func serveChannels() throws(Ending) {
    for slot in channels {
      try slot.receive(limit: Self.unreadLimit)
      slot.send(session)
      if slot.isOver { drop(slot) }
    }
    handle.show(channels.map(\.title))
  }

  private func drop(_ slot: SSHChannelSlot) {
    slot.end()
    channels.removeAll { $0 === slot }
  }

  private func close(_ reason: String) {
    // Whatever the library still reads begins nothing any more.
    isClosing = true
    while let slot = channels.popLast() { slot.end() }
    ssh_event_remove_session(event, session)
    ssh_event_remove_fd(event, handle.wakeDescriptor)
    ssh_session_set_disconnect_message(session, reason)
    ssh_disconnect(session)
    ssh_event_free(event)
    ssh_free(session)
    if let peer {
      context.engine.journal.audit(.logout, user: peer.user, "\(peer.origin): \(reason)")
    }
  }

  // MARK: What the library calls, on this thread

  private static func makeCallbacks(_ connection: SSHConnection) -> ssh_server_callbacks_struct {
    var callbacks = ssh_server_callbacks_struct()
    callbacks.size = MemoryLayout<ssh_server_callbacks_struct>.size
    callbacks.userdata = Unmanaged.passUnretained(connection).toOpaque()
    callbacks.auth_none_function = { _, _, data in
      SSHConnection.from(data)?.showBanner()
      return SSH_AUTH_DENIED.rawValue
    }
    callbacks.auth_password_function = { _, user, password, data in
      guard let user, let password, let connection = SSHConnection.from(data) else { return SSH_AUTH_DENIED.rawValue }
      let isIn = connection.logIn(String(cString: user), password: String(cString: password))
      return isIn ? SSH_AUTH_SUCCESS.rawValue : SSH_AUTH_DENIED.rawValue
    }
    callbacks.auth_pubkey_function = { _, user, key, state, data in
      guard let user, let key, let connection = SSHConnection.from(data) else { return SSH_AUTH_DENIED.rawValue }
      let isGood = connection.logIn(String(cString: user), key: key, signature: Int32(state))
      return isGood ? SSH_AUTH_SUCCESS.rawValue : SSH_AUTH_DENIED.rawValue
    }
    // The library would offer it to whoever asks, and read its files.
    callbacks.gssapi_select_oid_function = { _, _, _, _, _ in nil }
    callbacks.channel_open_request_session_function = { _, data in SSHConnection.from(data)?.openChannel() }
    return callbacks
  }

  private static func from(_ data: UnsafeMutableRawPointer?) -> SSHConnection? {
    data.map { Unmanaged<SSHConnection>.fromOpaque($0).takeUnretainedValue() }
  }

  private func openChannel() -> ssh_channel? {
    guard !isClosing, let peer, channels.count < Self.channelLimit, let channel = ssh_channel_new(session) else { return nil }
    let slot = SSHChannelSlot(channel, peer, context, handle)
    channels.append(slot)
    slot.listen()
    return channel
  }
}

/// The library's words about its last failure.
func errorText(_ object: OpaquePointer) -> String {
  ssh_get_error(UnsafeMutableRawPointer(object)).map { String(cString: $0) } ?? ""
}
