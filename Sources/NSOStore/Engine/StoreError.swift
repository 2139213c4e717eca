public import NSOModel

/// Why the store could not do what was asked. The text says what failed, where, and what to do about it; it never shows data.
public struct StoreError: Error, Hashable, Sendable, CustomStringConvertible {
  public enum Code: Hashable, Sendable {
    /// Another process, or this one, has the store open.
    case inUse(pid: Int32, name: String)
    /// The directory or a file cannot be created, read or written.
    case unreadable
    /// There is something at the path that this store did not write.
    case foreign
    /// The file was written by a newer release.
    case newerFormat
    /// The file is damaged.
    case corrupt
    /// The configured maximum size is reached.
    case full
    /// The file system has no room left.
    case diskFull
    /// More snapshots are held open at the same time than configured.
    case tooManyReaders
    /// A batch expected another revision than the one it met. Nothing was changed.
    case revisionMismatch(expected: Revision, actual: Revision)
    /// The store was closed.
    case closed
    /// A key or value that cannot be stored.
    case badKey
    /// An error of the operating system or of the storage library; nothing was changed.
    case failed(number: Int32)
    /// A write failed in a way that leaves the file's state unknown to the library: no more commits until it is opened again.
    case broken
    /// Whoever else has the data refuses: what it says is in `refusal`.
    case refused
  }

  public var code: Code
  public var message: String
  /// What is passed on as it is, of data that is not in a database.
  public private(set) var refusal: NSOError?

  public init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  /// The refusal of data that is not in a database.
  public init(refusal: NSOError) {
    self.init(.refused, refusal.message)
    self.refusal = refusal
  }

  public var description: String { message }
}

/// The number of a state of one store: grows by one with every commit, persistent, 0 for a store never written.
public struct Revision: RawRepresentable, Hashable, Sendable, Comparable, CustomStringConvertible {
  public var rawValue: UInt64
  public init(rawValue: UInt64) { self.rawValue = rawValue }
  public static func < (a: Revision, b: Revision) -> Bool { a.rawValue < b.rawValue }
  public static var zero: Revision { Revision(rawValue: 0) }
  public var next: Revision { Revision(rawValue: rawValue &+ 1) }
  public var description: String { String(rawValue) }
}
