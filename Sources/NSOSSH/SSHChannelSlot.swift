import CLibSSH
import Logging
import NSOTerminal

/// A channel of the library, on the thread of its connection, and the ``SSHChannel`` of whoever serves it.
final class SSHChannelSlot {
  private let channel: ssh_channel
  private let peer: SSHPeer
  private let context: SSHConnection.Context
  private let handle: SSHConnectionHandle
  private let callbacks: UnsafeMutablePointer<ssh_channel_callbacks_struct>
  private(set) var served: SSHChannel?
  private var size: ScreenSize?
  private var hasTerminal = false
  private var isOverHere = false
  private var hasEnded = false
  private var hasInputEnded = false
  private(set) var title = "channel"

  init(_ channel: ssh_channel, _ peer: SSHPeer, _ context: SSHConnection.Context, _ handle: SSHConnectionHandle) {
    self.channel = channel
    self.peer = peer
    self.context = context
    self.handle = handle
    callbacks = .allocate(capacity: 1)
    callbacks.initialize(to: ssh_channel_callbacks_struct())
  }

  /// The library refers to them until `end`.
  deinit { callbacks.deallocate() }

  // MARK: Bytes

  /// Takes what the client sent, as far as there is room.
  /// - Throws: when it sends more than it was told it may.
  func receive(limit: Int32) throws(SSHConnection.Ending) {
    guard !isOverHere else { return }
    let waiting = ssh_channel_poll(channel, 0)
    guard waiting < limit, ssh_channel_poll(channel, 1) < limit else {
      throw SSHConnection.Ending(reason: "the client sends more than its window lets it")
    }
    guard let served else { return }
    while served.room > 0 {
      var buffer = [UInt8](repeating: 0, count: min(served.room, 32 << 10))
      let count = ssh_channel_read_nonblocking(channel, &buffer, UInt32(buffer.count), 0)
      guard count > 0 else { break }
      served.put(buffer[..<Int(count)])
    }
    if !hasInputEnded, ssh_channel_is_eof(channel) != 0, ssh_channel_poll(channel, 0) <= 0 {
      hasInputEnded = true
      served.endInput()
    }
    // Nobody is there to be served any more.
    if ssh_channel_is_closed(channel) != 0 { isOverHere = true }
  }

  /// Sends as much as the client, and the socket, take.
  func send(_ session: ssh_session) {
    guard let served, !isOverHere else { return }
    for isError in [false, true] {
      while ssh_get_poll_flags(session) & Int32(SSH_WRITE_PENDING) == 0 {
        let window = Int(ssh_channel_window_size(channel))
        let bytes = served.outgoing(isError: isError, upTo: min(window, 32 << 10))
        guard !bytes.isEmpty else { break }
        let count =
          isError
          ? ssh_channel_write_stderr(channel, bytes, UInt32(bytes.count))
          : ssh_channel_write(channel, bytes, UInt32(bytes.count))
        // Nobody takes it any more: the client has closed the channel, and perhaps not read what it was sent.
        if count < 0 { isOverHere = true }
        guard count > 0 else { break }
        served.sent(isError: isError, Int(count))
      }
    }
    if let status = served.outcome {
      ssh_channel_request_send_exit_status(channel, status)
      ssh_channel_send_eof(channel)
      isOverHere = true
    }
  }

  /// Whether it can be dropped.
  var isOver: Bool { isOverHere || ssh_channel_is_closed(channel) != 0 }

  /// Closes it; whoever serves it is told.
  func end() {
    guard !hasEnded else { return }
    hasEnded = true
    served?.close()
    served = nil
    ssh_remove_channel_callbacks(channel, callbacks)
    ssh_channel_close(channel)
    ssh_channel_free(channel)
  }

  // MARK: Requests

  private func begin(_ start: SSHChannel.Start) -> Bool {
    guard served == nil, !isOverHere, context.service.accepts(start) else { return false }
    let (handle, service) = (handle, context.service)
    let served = SSHChannel(peer, start, size: size, hasTerminal: hasTerminal) { handle.wake() }
    self.served = served
    title =
      switch start {
      case .shell: hasTerminal ? "shell with terminal" : "shell"
      case .exec: "command"
      case .subsystem(let name): "subsystem \(name)"
      }
    // Ends with its channel, which is closed with its connection.
    Task { served.finish(await service.serve(served)) }
    return true
  }

  private func signal(_ name: String) {
    switch name {
    case "INT", "QUIT": served?.interrupt()
    case "HUP", "TERM", "KILL": isOverHere = true
    default: return
    }
    handle.wake()
  }

  private static func dimension(_ number: Int32) -> Int { Int(max(0, min(number, 10_000))) }

  private func resize(_ width: Int32, _ height: Int32) {
    size = ScreenSize(width: Self.dimension(width), height: Self.dimension(height))
    if let size, size.width > 0, size.height > 0 { served?.resize(size) } else { size = nil }
  }

  /// Has the library call back. It is given this object without a reference: `end` comes before it goes.
  func listen() {
    callbacks.pointee.size = MemoryLayout<ssh_channel_callbacks_struct>.size
    callbacks.pointee.userdata = Unmanaged.passUnretained(self).toOpaque()
    callbacks.pointee.channel_pty_request_function = { _, _, _, width, height, _, _, data in
      guard let slot = SSHChannelSlot.from(data), slot.served == nil else { return -1 }
      slot.hasTerminal = true
      slot.resize(width, height)
      return 0
    }
    callbacks.pointee.channel_pty_window_change_function = { _, _, width, height, _, _, data in
      SSHChannelSlot.from(data)?.resize(width, height)
      return 0
    }
    callbacks.pointee.channel_shell_request_function = { _, _, data in
      SSHChannelSlot.from(data)?.begin(.shell) == true ? 0 : 1
    }
    callbacks.pointee.channel_exec_request_function = { _, _, command, data in
      guard let command, let slot = SSHChannelSlot.from(data) else { return 1 }
      return slot.begin(.exec(String(cString: command))) ? 0 : 1
    }
    callbacks.pointee.channel_subsystem_request_function = { _, _, name, data in
      guard let name, let slot = SSHChannelSlot.from(data) else { return 1 }
      return slot.begin(.subsystem(String(cString: name))) ? 0 : 1
    }
    // Nothing here is told by variables.
    callbacks.pointee.channel_env_request_function = { _, _, _, _, _ in 1 }
    callbacks.pointee.channel_signal_function = { _, _, name, data in
      if let name { SSHChannelSlot.from(data)?.signal(String(cString: name)) }
    }
    ssh_set_channel_callbacks(channel, callbacks)
  }

  private static func from(_ data: UnsafeMutableRawPointer?) -> SSHChannelSlot? {
    data.map { Unmanaged<SSHChannelSlot>.fromOpaque($0).takeUnretainedValue() }
  }
}
