public import NIOCore
public import NSOTerms
public import NSOWire

// Saving and loading documents (protocol part 04, section 6).
extension Transaction {
  /// Saves data as a document.
  ///
  /// - Parameters:
  ///   - flags: the format (`.xml`, `.xmlPretty`, `.json`, ...) and what to include.
  ///   - path: only what is below; keys may be left out. With flag `.xpath` a filter, given as text.
  ///   - body: gets the bytes as they come; it must read them to their end.
  /// - Throws: the daemon's refusal, also after the last byte: what was read before is then incomplete.
  public nonisolated(nonsending) func save<Result>(
    _ flags: ConfigFlags, below path: some PathConvertible = WireKeypath.root,
    _ body: nonisolated(nonsending) (IncomingBytes) async throws -> Result
  ) async throws -> Result {
    let id: Int32 = try await maapi.narrow(integer(.saveConfig(flags, path.wirePath)))
    let result = try await maapi.client.withStream(id: id) { exchange in
      try await body(IncomingBytes(exchange: exchange))
    }
    try await maapi.done(.saveConfigResult(stream: id))
    return result
  }

  /// Loads a document that `body` writes.
  ///
  /// - Parameter flags: the format, and how to combine it with what is there: everything is deleted first, or `.merge`, or
  ///   `.replace` for only the parts that are present.
  /// - Throws: the daemon's refusal with the place in the document.
  public nonisolated(nonsending) func load(
    _ flags: ConfigFlags, _ body: nonisolated(nonsending) (OutgoingBytes) async throws -> Void
  ) async throws {
    let id: Int32 = try await maapi.narrow(integer(.loadConfig(flags)))
    do {
      try await maapi.client.withStream(id: id) { exchange in try await body(OutgoingBytes(exchange: exchange)) }
    } catch let error as ConnectionError where error.code == .closed && error.step == .conversation {
      // The daemon stops reading at an error, and at the end of the document; its result tells which.
      try await maapi.done(.loadConfigResult(stream: id))
      return
    }
    try await maapi.done(.loadConfigResult(stream: id))
  }

  /// Loads a document.
  public func load(_ flags: ConfigFlags, _ document: ByteBuffer) async throws {
    try await load(flags) { stream in
      var rest = document
      while let chunk = rest.readSlice(length: min(rest.readableBytes, 1 << 16)), chunk.readableBytes > 0 {
        try await stream.write(chunk)
      }
    }
  }

  /// Loads a document from a file on the daemon's host, opened by the daemon.
  public func load(_ flags: ConfigFlags, file: String) async throws { try await done(.loadConfigFile(flags, file: file)) }

  /// Saves data as one piece of text.
  /// - Throws: as ``save(_:below:_:)``.
  public func saveText(_ flags: ConfigFlags, below path: some PathConvertible = WireKeypath.root) async throws -> String {
    var document = try await save(flags, below: path) { bytes in
      var whole = ByteBuffer()
      for try await var chunk in bytes { whole.writeBuffer(&chunk) }
      return whole
    }
    return document.readString(length: document.readableBytes) ?? ""
  }
}
