import Foundation
import NSOClient
import NSODaemon
import NSOModel
import NSOTesting
import NSOWire
import Synchronization
import TestSupport

enum StreamModel {
  static let text = """
    module notif {
      yang-version 1.1; namespace "urn:notif"; prefix n;
      container top {
        list item {
          key name;
          leaf name { type string; }
          notification changed { leaf what { type string; mandatory true; } }
        }
      }
      notification alarm {
        leaf number { type uint32; mandatory true; }
        leaf text { type string; }
        leaf item { type leafref { path "/n:top/n:item/n:name"; } }
        must "not(text = 'forbidden')";
      }
      notification silence;
    }
    """

  static let data = """
    <top xmlns="urn:notif"><item><name>a</name></item><item><name>b</name></item></top>
    """

  /// `alarms` with a store in a folder, `links` whose provider has the past, `plain` without.
  static func settings(_ folder: StreamFolder, size: String = "S64K", files: Int = 50) -> String {
    func stream(_ name: String, replay: Bool, _ more: String = "") -> String {
      "<stream><name>\(name)</name><description>d</description><replay-support>\(replay)</replay-support>\(more)</stream>"
    }
    let store =
      "<builtin-replay-store><enabled>true</enabled><dir>\(folder.path)/replay</dir><max-size>\(size)</max-size><max-files>\(files)</max-files></builtin-replay-store>"
    return "<notifications><event-streams>" + stream("alarms", replay: true, store) + stream("links", replay: true)
      + stream("plain", replay: false) + "</event-streams></notifications>"
  }

  private static func element(_ name: String, _ content: [TaggedValue]) -> [TaggedValue] {
    [TaggedValue(Tag(name, in: "urn:notif"), .start)] + content + [TaggedValue(Tag(name, in: "urn:notif"), .stop)]
  }

  static func alarm(_ number: UInt32, _ more: [TaggedValue] = []) -> [TaggedValue] {
    element("alarm", [TaggedValue("number", .uint32(number))] + more)
  }

  static func changed(_ what: String) -> [TaggedValue] { element("changed", [TaggedValue("what", .string(what))]) }

  static let silence = element("silence", [])

  static func item(_ name: String) -> Keypath {
    [.tag(Tag("top", in: "urn:notif")), .tag("item"), .keys([.string(name)])]
  }

  /// A time of a day long ago, in order.
  static func time(_ number: Int) -> DateTime { DateTime(microsecondsSince1970: 1_700_000_000_000_000 + Int64(number) * 1000) }
}

final class StreamFolder: Sendable {
  let path = "/tmp/nso-streams-" + UUID().uuidString
  init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }
  deinit { try? FileManager.default.removeItem(atPath: path) }
}

/// A log in memory.
final class MemoryLog: NotificationStream.Log {
  private let logged = Mutex<[LoggedNotification]>([])
  /// What a replay does instead of sending everything.
  private let failure: (any Error)?
  /// Called in a replay with what was sent so far.
  private let between: @Sendable (Int) async throws -> Void

  init(failure: (any Error)? = nil, between: @escaping @Sendable (Int) async throws -> Void = { _ in }) {
    self.failure = failure
    self.between = between
  }

  func add(_ notification: LoggedNotification) { logged.withLock { $0.append(notification) } }

  func times() -> (created: DateTime, aged: DateTime?) { (StreamModel.time(0), nil) }

  func replay(
    after start: DateTime, until stop: DateTime?, _ send: (LoggedNotification) async throws -> Void
  ) async throws {
    var sent = 0
    // What is logged meanwhile as well.
    while let next = logged.withLock({ sent < $0.count ? $0[sent] : nil }) {
      sent += 1
      if next.time.microsecondsSince1970 > start.microsecondsSince1970 { try await send(next) }
      try await between(sent)
      if let failure { throw failure }
    }
  }
}

extension TestDaemon {
  /// Waits until the stream `alarms` has taken that many notifications.
  func taken(_ count: Int) async throws {
    try await until("alarms has \(count) notifications") {
      await daemon.statusText().contains("alarms: instance 1 feeder, \(count) notifications")
    }
  }
}

extension EventSubscription {
  static func stream(
    _ name: String, from start: DateTime? = nil, to stop: DateTime? = nil, filter: String? = nil, session: Int32 = 0
  ) -> EventSubscription {
    EventSubscription(
      .streamEvent, stream: EventSubscription.Stream(name: name, start: start, stop: stop, filter: filter, session: session))
  }
}

extension EventStream {
  /// What `number` of the next notification is, or what came in place of one.
  func nextNumber() async throws -> String {
    guard case .stream(let notice) = try await next() else { return "another event" }
    switch notice {
    case .notification(_, let values):
      for pair in values {
        if pair.tag.name == "number", case .value(.uint32(let number)) = pair.content { return "\(number)" }
      }
      return values.map { "\($0.tag.name)" }.joined(separator: " ")
    case .replayComplete: return "replayComplete"
    case .notificationComplete: return "notificationComplete"
    case .replayFailed(let reason): return "failed: \(reason)"
    }
  }

  func nextNumbers(_ count: Int) async throws -> [String] {
    var all: [String] = []
    for _ in 0..<count { all.append(try await nextNumber()) }
    return all
  }
}
