import ExternalTerm
public import NSOModel
import NSOTerms
public import NSOWire

// Copies, numbered lists, and the writes of services (protocol part 04, sections 4.5, 4.7 and 4.8).
extension Transaction {
  /// Replaces the configuration at and below `path` in another transaction of the same session by that of this one. What `path` is in
  /// is created there as far as it is missing.
  /// - Throws: `accessDenied` between sessions, `notWritable`. Daemons other than ours may not know the operation (196).
  public func copy(to destination: Transaction, below path: some PathConvertible) async throws {
    try await done(.copyPath(to: destination.handle, path.wirePath))
  }

  /// Creates an entry of a list with one integer key and an indexed view; entries that are in the way get the next numbers.
  /// - Throws: `badType` where the list is not of that kind, or the numbers end.
  public func insert(_ path: some PathConvertible) async throws { try await done(.insert(path.wirePath)) }

  /// As ``create(_:)`` for the code of services: what exists already is no error, and is counted by daemons that have services.
  public func sharedCreate(_ path: some PathConvertible) async throws {
    try await done(.sharedCreate(backpointer: true, path.wirePath))
  }

  /// As ``set(_:at:)`` for the code of services.
  public func sharedSet(_ value: Value, at path: some PathConvertible) async throws {
    try await done(.sharedSetElem(EncodedTerm(value), path.wirePath))
  }

  /// As ``set(text:at:)`` for the code of services.
  public func sharedSet(text: String, at path: some PathConvertible) async throws {
    try await done(.sharedSetElem2(text, path.wirePath))
  }

  /// As ``setValues(_:below:)`` for the code of services.
  public func sharedSetValues(_ values: [TaggedValue], below path: some PathConvertible) async throws {
    try await done(.sharedSetValues(values, backpointer: true, path.wirePath))
  }

  /// Loads a document that travels in the request, for short ones.
  /// - Parameters:
  ///   - flags: as for a load from a stream.
  ///   - path: what the document says is below it; without `.merge` and `.replace` only that is deleted first.
  public func loadText(_ flags: ConfigFlags, _ text: String, below path: some PathConvertible = Keypath.root) async throws {
    try await done(.loadConfigCmds(flags, text: text, path.wirePath))
  }
}
