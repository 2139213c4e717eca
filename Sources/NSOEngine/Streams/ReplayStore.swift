#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A replay store that cannot be read or written.
public struct ReplayStoreError: Error, Hashable, Sendable, CustomStringConvertible {
  public var description: String

  init(_ description: String) { self.description = description }

  /// With what the operating system says.
  init(_ what: String, _ path: String, _ number: Int32) {
    description = "cannot \(what) \(path): \(String(cString: strerror(number)))"
  }
}

/// The notifications of one stream on disk, in the order in which they came: a few files, of which the last is written and the
/// oldest goes when there are too many. What was appended outlives the process at once, and the machine when the file is full or
/// closed; a record that a crash cut off is dropped when the store is opened.
///
/// Not for several threads at once: its stream uses it on its queue only.
final class ReplayStore {
  /// Where reading goes on.
  struct Position: Hashable {
    var segment: UInt64
    var offset: Int
  }

  /// What one reading gives.
  struct Batch {
    var records: [ReplaySegment.Record] = []
    var next: Position
    /// Nothing was appended after this.
    var isAtEnd = false
    /// What could not be read, and was left out.
    var damage: String?
  }

  let settings: NotificationStreamSettings.Store
  /// When the log began; microseconds since 1970.
  let created: Int64
  /// The latest event time that was dropped.
  private(set) var aged: Int64?
  let prefix: String
  private let lock: Int32
  private var ownsLock = true
  /// Ascending; the last is the one that is written.
  private var segments: [UInt64]
  /// Of files that are full: the latest event time, where it is known.
  private var latest: [UInt64: Int64] = [:]
  private var descriptor: Int32
  private var end: Int
  private var currentLatest: Int64?

  /// Opens the store or makes it.
  /// - Parameters:
  ///   - name: of the stream.
  ///   - now: microseconds since 1970.
  ///   - note: is told of what was cut off or left aside.
  static func open(
    _ settings: NotificationStreamSettings.Store, name: String, now: Int64, note: (String) -> Void
  ) throws(ReplayStoreError) -> ReplayStore {
    let prefix = fileName(name) + "."
    try makeDirectory(settings.directory)
    let lock = try takeLock("\(settings.directory)/\(prefix)lock")
    do throws(ReplayStoreError) {
      return try open(settings, prefix, now, lock, note)
    } catch {
      release(lock)
      throw error
    }
  }

  private static func open(
    _ settings: NotificationStreamSettings.Store, _ prefix: String, _ now: Int64, _ lock: Int32, _ note: (String) -> Void
  ) throws(ReplayStoreError) -> ReplayStore {
    var headers: [UInt64: ReplaySegment.Header] = [:]
    for number in try segments(in: settings.directory, prefix) {
      let path = path(settings.directory, prefix, number)
      guard let header = ReplaySegment.Header(try read(path, from: 0, ReplaySegment.Header.size)) else {
        // The last one: its header was being written. Any other: nothing in it can be trusted.
        note("\(path) has no readable beginning and is left aside as \(path).damaged")
        guard rename(path, path + ".damaged") == 0 else { throw ReplayStoreError("rename", path, errno) }
        continue
      }
      headers[number] = header
    }
    let numbers = headers.keys.sorted()
    guard let number = numbers.last, let last = headers[number] else {
      let header = ReplaySegment.Header(created: now, aged: nil, previousLatest: nil)
      let descriptor = try begin(path(settings.directory, prefix, 1), header)
      return ReplayStore(settings, prefix, lock, header, descriptor, segments: [1])
    }
    let path = path(settings.directory, prefix, number)
    let descriptor = openFile(path, O_RDWR | O_CLOEXEC, 0o640)
    guard descriptor >= 0 else { throw ReplayStoreError("open", path, errno) }
    let store = ReplayStore(settings, prefix, lock, last, descriptor, segments: numbers)
    for (number, following) in zip(numbers, numbers.dropFirst()) { store.latest[number] = headers[following]?.previousLatest }
    do throws(ReplayStoreError) {
      try store.readLast(path, note)
    } catch {
      store.ownsLock = false
      throw error
    }
    return store
  }

  private init(
    _ settings: NotificationStreamSettings.Store, _ prefix: String, _ lock: Int32, _ header: ReplaySegment.Header,
    _ descriptor: Int32, segments: [UInt64]
  ) {
    self.settings = settings
    self.prefix = prefix
    self.lock = lock
    created = header.created
    aged = header.aged
    self.descriptor = descriptor
    self.segments = segments
    end = ReplaySegment.Header.size
  }

  /// Finds the end of the file that is written, and cuts off a record that was not completely written. After one that is damaged the
  /// file is left as it is, and another one begins.
  private func readLast(_ path: String, _ note: (String) -> Void) throws(ReplayStoreError) {
    let size = try Self.size(descriptor, path)
    while end < size {
      let batch = try Self.batch(descriptor, path, from: end, to: size, limit: 1 << 20)
      for record in batch.records { currentLatest = max(currentLatest ?? record.time, record.time) }
      end = batch.end
      guard batch.damage != nil || batch.records.isEmpty else { continue }
      if let damage = batch.damage, batch.isDamaged, segments.count < settings.maximumFiles {
        note("\(damage); what follows it there cannot be told any more")
        return try rotate()
      }
      note("\(path): \(size - end) bytes at its end were not completely written and are cut off")
      guard ftruncate(descriptor, off_t(end)) == 0 else { throw ReplayStoreError("cut", path, errno) }
      return
    }
  }

  deinit {
    fsync(descriptor)
    close(descriptor)
    if ownsLock { Self.release(lock) }
  }

  // MARK: Writing

  /// Adds a notification.
  /// - Throws: when it is not in the store afterwards; what was there before is.
  func append(_ record: ReplaySegment.Record) throws(ReplayStoreError) {
    let bytes = ReplaySegment.bytes(of: record)
    guard bytes.count <= settings.maximumSize - ReplaySegment.Header.size else {
      throw ReplayStoreError(
        "a notification of \(record.payload.count) bytes does not fit into a file of \(settings.maximumSize): raise max-size")
    }
    if end > ReplaySegment.Header.size, end > settings.maximumSize - bytes.count { try rotate() }
    guard writeFully(descriptor, bytes, at: end) else {
      let reason = errno
      // What was written of it must not stand before the next one.
      ftruncate(descriptor, off_t(end))
      throw ReplayStoreError("write", path(segments.last ?? 0), reason)
    }
    end += bytes.count
    currentLatest = max(currentLatest ?? record.time, record.time)
  }

  /// Begins a new file and drops the oldest ones.
  private func rotate() throws(ReplayStoreError) {
    guard let current = segments.last else { return }
    fsync(descriptor)
    latest[current] = currentLatest
    let dropped = segments.prefix(max(0, segments.count + 1 - max(1, settings.maximumFiles)))
    var aged = aged
    for number in dropped {
      if let time = try latestTime(of: number) { aged = max(aged ?? time, time) }
    }
    let header = ReplaySegment.Header(created: created, aged: aged, previousLatest: currentLatest)
    let new: Int32
    do throws(ReplayStoreError) {
      new = try Self.begin(path(current + 1), header)
    } catch {
      // The disk may be full: what goes anyway goes first then.
      let older = dropped.filter { $0 != current }
      guard !older.isEmpty else { throw error }
      drop(older, aged)
      new = try Self.begin(path(current + 1), header)
    }
    close(descriptor)
    descriptor = new
    end = ReplaySegment.Header.size
    currentLatest = nil
    drop(dropped.filter(segments.contains), aged)
    segments.append(current + 1)
  }

  /// Removes the oldest files.
  private func drop(_ oldest: [UInt64], _ aged: Int64?) {
    self.aged = aged
    for number in oldest {
      unlink(path(number))
      latest[number] = nil
    }
    segments.removeFirst(oldest.count)
  }

  private func latestTime(of segment: UInt64) throws(ReplayStoreError) -> Int64? {
    if let known = latest[segment] { return known }
    var time: Int64?
    var position = Position(segment: segment, offset: ReplaySegment.Header.size)
    while position.segment == segment {
      let batch = try read(from: position, limit: 1 << 20)
      for record in batch.records { time = max(time ?? record.time, record.time) }
      position = batch.next
      if batch.isAtEnd { break }
    }
    return time
  }

  // MARK: Reading

  /// Where to begin so that no notification later than `time` is missed.
  func position(after time: Int64) -> Position {
    // Files in which everything is as early are left out.
    let first = segments.first { number in latest[number].map { $0 > time } ?? true } ?? segments.last ?? 0
    return Position(segment: first, offset: ReplaySegment.Header.size)
  }

  /// The next notifications, at most `records` of them and about `limit` bytes.
  /// - Throws: when what is at the position was dropped meanwhile.
  func read(from position: Position, limit: Int = 256 << 10, records: Int = 1000) throws(ReplayStoreError) -> Batch {
    guard let index = segments.firstIndex(of: position.segment) else {
      throw ReplayStoreError("the replay fell so far behind that what it had not read yet was dropped; raise max-files")
    }
    let path = path(position.segment)
    let isLast = index == segments.count - 1
    if isLast {
      guard position.offset < end else { return Batch(next: position, isAtEnd: true) }
      let part = try Self.batch(descriptor, path, from: position.offset, to: end, limit: limit, records)
      let next = Position(segment: position.segment, offset: part.damage == nil ? part.end : end)
      return Batch(records: part.records, next: next, isAtEnd: next.offset >= end, damage: part.damage)
    }
    let following = Position(segment: segments[index + 1], offset: ReplaySegment.Header.size)
    let file = openFile(path, O_RDONLY | O_CLOEXEC, 0)
    guard file >= 0 else {
      let reason = errno
      // Somebody has removed it: the others are there all the same.
      if reason == ENOENT { return Batch(next: following, damage: "\(path) is gone") }
      throw ReplayStoreError("open", path, reason)
    }
    defer { close(file) }
    let size = try Self.size(file, path)
    guard position.offset < size else { return Batch(next: following) }
    let part = try Self.batch(file, path, from: position.offset, to: size, limit: limit, records)
    let isDone = part.damage != nil || part.end >= size || part.records.isEmpty
    return Batch(
      records: part.records, next: isDone ? following : Position(segment: position.segment, offset: part.end),
      damage: part.damage)
  }

  /// Files, and about how many bytes they have.
  var extent: (files: Int, bytes: Int) {
    let (full, overflow) = (segments.count - 1).multipliedReportingOverflow(by: settings.maximumSize)
    return (segments.count, overflow || full > Int.max - end ? .max : full + end)
  }

  /// Whole records from one place of a file on.
  private static func batch(
    _ file: Int32, _ path: String, from start: Int, to size: Int, limit: Int, _ most: Int = 1000
  ) throws(ReplayStoreError) -> (records: [ReplaySegment.Record], end: Int, damage: String?, isDamaged: Bool) {
    var bytes = try read(file, path, from: start, min(limit, size - start))
    var records: [ReplaySegment.Record] = []
    var place = 0
    while place < bytes.count, records.count < most {
      switch ReplaySegment.parse(bytes, at: place) {
      case .record(let record, let count):
        records.append(record)
        place += count
      case .damaged: return (records, start + place, "\(path): damaged at byte \(start + place)", true)
      case .incomplete(let count):
        // The rest comes with the next batch, unless the file ends here.
        guard start + place + count <= size else {
          return (records, start + place, "\(path): cut off at byte \(start + place)", false)
        }
        guard records.isEmpty else { return (records, start + place, nil, false) }
        bytes = try read(file, path, from: start, count)
        guard bytes.count == count else { throw ReplayStoreError("\(path) became shorter while it was read") }
        place = 0
      }
    }
    return (records, start + place, nil, false)
  }
}
