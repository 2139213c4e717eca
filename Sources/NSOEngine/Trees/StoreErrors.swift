import ExternalTerm
import NIOCore
public import NSOModel
public import NSOStore
import NSOTerms

/// Runs `body`; a failure of the store becomes an error for the client.
@inline(__always)
func storeErrors<R>(_ body: () throws(StoreError) -> R) throws(NSOError) -> R {
  do throws(StoreError) { return try body() } catch { throw NSOError(store: error) }
}

func storeErrors<R>(_ body: () async throws(StoreError) -> R) async throws(NSOError) -> R {
  do throws(StoreError) { return try await body() } catch { throw NSOError(store: error) }
}

extension NSOError {
  /// How a failure of the store reaches a client: the disk's and the operating system's faults as such, all else as internal.
  public init(store error: StoreError) {
    if let refusal = error.refusal {
      self = refusal
      return
    }
    let code: ErrorCode =
      switch error.code {
      case .diskFull, .failed, .unreadable, .full: .operatingSystem
      case .tooManyReaders: .tooManyTransactions
      default: .internal
      }
    self.init(code, "database: \(error)")
  }
}

/// The value of a term in the store's form.
func decoded(_ bytes: UnsafeRawBufferPointer) throws(NSOError) -> Value {
  do throws(TermError) {
    var reader = TermReader(bytes)
    return try ValueCoding.read(&reader)
  } catch {
    throw NSOError(.internal, "a record of the database is damaged (\(error)); check it with ncs --cdb-validate")
  }
}

func decoded(_ buffer: ByteBuffer) throws(NSOError) -> Value {
  let result: Result<Value, NSOError> = buffer.withUnsafeReadableBytes { bytes in
    do throws(NSOError) { return .success(try decoded(bytes)) } catch { return .failure(error) }
  }
  return try result.get()
}

/// The values of a key tuple in the store's form.
func decodedKeys(_ bytes: UnsafeRawBufferPointer) throws(NSOError) -> [Value] {
  do throws(TermError) {
    var reader = TermReader(bytes)
    return try ValueCoding.readKeys(&reader)
  } catch {
    throw NSOError(.internal, "a list entry of the database is damaged (\(error)); check it with ncs --cdb-validate")
  }
}

func encodedKeys(_ keys: [Value]) -> [UInt8] {
  var buffer = ByteBuffer()
  ValueCoding.writeKeys(keys, into: &buffer)
  return Array(buffer.readableBytesView)
}

extension TreePath {
  /// Calls `body` with the first `count` bytes of the key.
  @inline(__always)
  func withPrefix<R>(
    _ count: Int, _ body: (UnsafeRawBufferPointer) throws(StoreError) -> R
  ) throws(StoreError) -> R {
    let result: Result<R, StoreError> = bytes.withUnsafeBytes { bytes in
      do throws(StoreError) {
        return .success(try body(UnsafeRawBufferPointer(rebasing: bytes[..<min(count, bytes.count)])))
      } catch { return .failure(error) }
    }
    return try result.get()
  }
}
