internal import CLMDB
internal import Synchronization

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// One open LMDB environment with all its spaces. Closed, and the instance lock given back, by ``close()`` or with the last
/// reference; a snapshot that is still held puts that off.
final class Environment: @unchecked Sendable {
  // LMDB environments and database handles may be used from any thread; both are set once, before anybody sees the object.
  let handle: OpaquePointer
  private let databases: ContiguousArray<MDB_dbi>
  private let lock: InstanceLock
  private let use = Mutex(Use())
  let path: String
  let maximumSize: Int
  /// The revision found when it was opened.
  let initialRevision: Revision

  static let formatKey: [UInt8] = [0] + Array("format".utf8)
  static let revisionKey: [UInt8] = [0] + Array("revision".utf8)
  private static let formatName = Array("swift-nso store ".utf8)
  /// Grows when older releases could not understand what is written.
  private static let formatVersion = 1

  func database(_ space: Space) -> MDB_dbi { databases[Int(space.rawValue)] }

  init(_ options: StoreOptions) throws(StoreError) {
    let path = options.path
    if mkdir(path, 0o700) != 0, errno != EEXIST {
      throw StoreError(.unreadable, "cannot make the store's directory \(path): \(errorText(errno))")
    }
    let lock = try InstanceLock(directory: path, name: options.instanceName)
    if options.durability == .volatile { try Self.wipe(path) }

    var created: OpaquePointer?
    var status = mdb_env_create(&created)
    guard status == 0, let handle = created else {
      throw storeError(status, "cannot make the store \(path)")
    }
    do throws(StoreError) {
      mdb_env_set_maxdbs(handle, 32)
      mdb_env_set_maxreaders(handle, UInt32(clamping: max(16, options.maximumReaders)))
      status = mdb_env_set_mapsize(handle, max(1 << 20, options.maximumSize))
      guard status == 0 else { throw storeError(status, "cannot set the maximum size of the store \(path)") }
      var flags = UInt32(MDB_NOTLS)
      if options.durability == .volatile { flags |= UInt32(MDB_NOSYNC | MDB_NOMETASYNC) }
      status = mdb_env_open(handle, path, flags, 0o600)
      guard status != ENOMEM else {
        throw StoreError(
          .failed(number: status),
          "cannot reserve \(options.maximumSize) bytes of address space for the store \(path); configure a smaller maximum size"
        )
      }
      if status == MDB_INVALID, Self.hasMagicNumber(path + "/data.mdb") { throw Self.damaged(path, "its header is not whole") }
      guard status == 0 else { throw storeError(status, "cannot open the store \(path)") }
      let wasShort = try Self.repairLength(handle, path)
      var dead: Int32 = 0
      mdb_reader_check(handle, &dead)
      (databases, initialRevision) = try Self.openSpaces(handle, path)
      if wasShort { try Self.readEverything(handle, databases, path) }
    } catch {
      mdb_env_close(handle)
      throw error
    }
    self.handle = handle
    self.lock = lock
    self.path = path
    maximumSize = max(1 << 20, options.maximumSize)
  }

  deinit { close() }

  private struct Use {
    var snapshots = 0
    var isClosing = false
    var isClosed = false

    /// True when it has to be closed now.
    mutating func closes() -> Bool {
      guard isClosing, snapshots == 0, !isClosed else { return false }
      isClosed = true
      return true
    }
  }

  /// A snapshot is about to begin; the caller sees to it that the environment is not closed.
  func snapshotBegins() { use.withLock { $0.snapshots += 1 } }

  func snapshotEnded() {
    let closes = use.withLock { use in
      use.snapshots -= 1
      return use.closes()
    }
    if closes { closeNow() }
  }

  /// Closes it once no snapshot is held. Nothing may be asked of it afterwards.
  func close() {
    let closes = use.withLock { use in
      use.isClosing = true
      return use.closes()
    }
    if closes { closeNow() }
  }

  /// The system's `close`, which the method of that name hides.
  private static func closeFile(_ descriptor: Int32) -> Int32 {
    #if canImport(Glibc)
      Glibc.close(descriptor)
    #elseif canImport(Musl)
      Musl.close(descriptor)
    #else
      Darwin.close(descriptor)
    #endif
  }

  private func closeNow() {
    mdb_env_close(handle)
    lock.release()
  }

  private static func wipe(_ path: String) throws(StoreError) {
    for file in ["/data.mdb", "/lock.mdb"] where unlink(path + file) != 0 && errno != ENOENT {
      throw StoreError(.unreadable, "cannot remove \(path)\(file): \(errorText(errno))")
    }
  }

  /// Whether a file begins as those of LMDB do.
  private static func hasMagicNumber(_ path: String) -> Bool {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return false }
    defer { _ = Self.closeFile(descriptor) }
    var number: UInt32 = 0
    return withUnsafeMutableBytes(of: &number) { pread(descriptor, $0.baseAddress, 4, 16) } == 4 && number == 0xBEEF_C0DE
  }

  /// The file is mapped, so reading past its end would kill the process. A file that ends before the last page it speaks of
  /// was cut, or (rarely, and harmlessly) the last pages of its last commit were never needed: it is filled up with zeros,
  /// which the library recognizes as no page of its own. True when that was done: then everything has to be looked at.
  private static func repairLength(_ handle: OpaquePointer, _ path: String) throws(StoreError) -> Bool {
    var descriptor: Int32 = -1
    var status = mdb_env_get_fd(handle, &descriptor)
    guard status == 0 else { throw storeError(status, "cannot open the store \(path)") }
    var about = stat()
    guard fstat(descriptor, &about) == 0 else {
      throw StoreError(.unreadable, "cannot read the size of \(path)/data.mdb: \(errorText(errno))")
    }
    let pageSize = max(4096, sysconf(Int32(_SC_PAGESIZE)))
    guard about.st_size >= 2 * pageSize else { throw damaged(path, "it ends within its header") }
    var info = MDB_envinfo()
    status = mdb_env_info(handle, &info)
    guard status == 0 else { throw storeError(status, "cannot open the store \(path)") }
    var facts = MDB_stat()
    status = mdb_env_stat(handle, &facts)
    guard status == 0 else { throw storeError(status, "cannot open the store \(path)") }
    let (size, overflow) = (info.me_last_pgno &+ 1).multipliedReportingOverflow(by: Int(facts.ms_psize))
    guard !overflow, size > 0, size <= info.me_mapsize else {
      throw StoreError(
        .full,
        "the store \(path) has grown to \(size) bytes, more than the configured maximum size \(info.me_mapsize); raise it")
    }
    guard about.st_size < size else { return false }
    guard ftruncate(descriptor, off_t(size)) == 0 else {
      throw StoreError(.unreadable, "cannot extend \(path)/data.mdb: \(errorText(errno))")
    }
    return true
  }

  private static func openSpaces(
    _ handle: OpaquePointer, _ path: String
  ) throws(StoreError) -> (ContiguousArray<MDB_dbi>, Revision) {
    var begun: OpaquePointer?
    var status = mdb_txn_begin(handle, nil, 0, &begun)
    guard status == 0, let transaction = begun else { throw storeError(status, "cannot open the store \(path)") }
    var databases: ContiguousArray<MDB_dbi> = []
    var revision = Revision.zero
    do throws(StoreError) {
      var root: MDB_dbi = 0
      var facts = MDB_stat()
      status = mdb_dbi_open(transaction, nil, 0, &root)
      if status == 0 { status = mdb_stat(transaction, root, &facts) }
      guard status == 0 else { throw storeError(status, "cannot open the store \(path)") }
      var meta: MDB_dbi = 0
      if facts.ms_entries > 0 {
        status = mdb_dbi_open(transaction, Space.meta.description, 0, &meta)
        guard status == 0, try readMeta(transaction, meta, formatKey, path) != nil else {
          throw StoreError(.foreign, "\(path)/data.mdb is a database of something else; choose another directory")
        }
      }
      for space in Space.allCases {
        var database: MDB_dbi = 0
        status = mdb_dbi_open(transaction, space.description, UInt32(MDB_CREATE), &database)
        guard status == 0 else { throw storeError(status, "cannot open space \(space) of the store \(path)") }
        databases.append(database)
        if space == .meta { meta = database }
      }
      if let format = try readMeta(transaction, meta, formatKey, path) {
        guard format.starts(with: formatName),
          let version = Int(String(decoding: format.dropFirst(formatName.count), as: UTF8.self))
        else { throw damaged(path, "its format is not named") }
        guard version <= formatVersion else {
          throw StoreError(
            .newerFormat,
            "the store \(path) has format \(version), this release knows formats up to \(formatVersion); use a newer release")
        }
      } else {
        try writeMeta(transaction, meta, formatKey, formatName + Array(String(formatVersion).utf8), path)
        try writeMeta(transaction, meta, revisionKey, bigEndian(0), path)
      }
      guard let bytes = try readMeta(transaction, meta, revisionKey, path), bytes.count == 8 else {
        throw damaged(path, "its revision is missing")
      }
      revision = Revision(rawValue: bytes.reduce(0) { $0 << 8 | UInt64($1) })
    } catch {
      mdb_txn_abort(transaction)
      throw error
    }
    status = mdb_txn_commit(transaction)
    guard status == 0 else { throw storeError(status, "cannot open the store \(path)") }
    return (databases, revision)
  }

  private static func readMeta(
    _ transaction: OpaquePointer, _ meta: MDB_dbi, _ key: [UInt8], _ path: String
  ) throws(StoreError) -> [UInt8]? {
    var value = MDB_val()
    let status = key.withUnsafeBytes { key in
      var key = MDB_val(key)
      return mdb_get(transaction, meta, &key, &value)
    }
    if status == MDB_NOTFOUND { return nil }
    guard status == 0 else { throw storeError(status, "cannot read the store \(path)") }
    return Array(value.bytes)
  }

  private static func writeMeta(
    _ transaction: OpaquePointer, _ meta: MDB_dbi, _ key: [UInt8], _ value: [UInt8], _ path: String
  ) throws(StoreError) {
    let status = key.withUnsafeBytes { key in
      value.withUnsafeBytes { value in
        var key = MDB_val(key)
        var value = MDB_val(value)
        return mdb_put(transaction, meta, &key, &value, 0)
      }
    }
    guard status == 0 else { throw storeError(status, "cannot write the store \(path)") }
  }

  /// Visits every record of every space, so that pages that are none are found now and not when somebody needs them.
  private static func readEverything(
    _ handle: OpaquePointer, _ databases: ContiguousArray<MDB_dbi>, _ path: String
  ) throws(StoreError) {
    var begun: OpaquePointer?
    let status = mdb_txn_begin(handle, nil, UInt32(MDB_RDONLY), &begun)
    guard status == 0, let transaction = begun else { throw storeError(status, "cannot read the store \(path)") }
    defer { mdb_txn_abort(transaction) }
    for database in databases {
      var opened: OpaquePointer?
      var status = mdb_cursor_open(transaction, database, &opened)
      guard status == 0, let cursor = opened else { throw storeError(status, "cannot read the store \(path)") }
      defer { mdb_cursor_close(cursor) }
      var key = MDB_val()
      var value = MDB_val()
      status = mdb_cursor_get(cursor, &key, &value, MDB_FIRST)
      while status == 0 { status = mdb_cursor_get(cursor, &key, &value, MDB_NEXT) }
      guard status == MDB_NOTFOUND else { throw damaged(path, "pages are missing at its end") }
    }
  }

  private static func damaged(_ path: String, _ how: String) -> StoreError {
    StoreError(.corrupt, "the store \(path)/data.mdb is damaged: \(how); restore it from a backup")
  }
}

func bigEndian(_ number: UInt64) -> [UInt8] {
  withUnsafeBytes(of: number.bigEndian) { Array($0) }
}

extension MDB_val {
  /// For calls that do not write through the pointer.
  @inline(__always)
  init(_ bytes: UnsafeRawBufferPointer) {
    self.init(mv_size: bytes.count, mv_data: UnsafeMutableRawPointer(mutating: bytes.baseAddress))
  }

  @inline(__always)
  var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: mv_data, count: mv_size) }
}

/// Translates a status of LMDB or an error number of the operating system.
func storeError(_ status: Int32, _ failing: String) -> StoreError {
  let reason = mdb_strerror(status).map { String(cString: $0) } ?? "error \(status)"
  switch status {
  case MDB_INVALID:
    return StoreError(.foreign, "\(failing): data.mdb is not a database of this store (\(reason)); choose another directory")
  case MDB_VERSION_MISMATCH:
    return StoreError(.newerFormat, "\(failing): written by another version of the storage library (\(reason))")
  case MDB_CORRUPTED, MDB_PAGE_NOTFOUND:
    return StoreError(.corrupt, "\(failing): the file is damaged (\(reason)); restore it from a backup")
  case MDB_MAP_FULL:
    return StoreError(.full, "\(failing): the configured maximum size is reached; raise it and restart")
  case MDB_READERS_FULL:
    return StoreError(.tooManyReaders, "\(failing): too many snapshots are open; end old transactions or raise the limit")
  case MDB_PANIC:
    return StoreError(.broken, "\(failing): an earlier write failed badly (\(reason)); restart to open the store again")
  case MDB_BAD_VALSIZE:
    return StoreError(.badKey, "\(failing): a key or value has a size that cannot be stored")
  case ENOSPC, EDQUOT:
    return StoreError(.diskFull, "\(failing): \(reason); make room on the file system")
  case EACCES, EPERM, EROFS, ENOENT, ENOTDIR:
    return StoreError(.unreadable, "\(failing): \(reason)")
  default:
    return StoreError(.failed(number: status), "\(failing): \(reason)")
  }
}
