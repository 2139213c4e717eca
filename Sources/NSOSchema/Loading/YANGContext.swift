internal import CLibYang
internal import Glibc

/// A context of the YANG library while modules are read: one thread, gone when the `Schema` is made.
final class YANGContext {
  let pointer: OpaquePointer
  private let finder: ModuleFinder
  /// Module or submodule name to the file its text came from.
  private(set) var files: [String: String] = [:]
  /// A failure inside the library's call for an import.
  private var importFailure: SchemaError?
  /// Made at the start, because the library may be told of a directory to search only before it reads modules.
  private let submodules: Result<SubmoduleDirectory, SchemaError>

  /// Process-wide, once: keep errors for us, print nothing.
  private static let quiet: Void = {
    _ = ly_log_options(UInt32(LY_LOSTORE))
    _ = ly_log_level(LY_LLERR)
  }()

  init(finder: ModuleFinder) throws(SchemaError) {
    self.finder = finder
    submodules = Result { () throws(SchemaError) in try SubmoduleDirectory() }
    Self.quiet
    // Compile once, after all is parsed. Keep the parsed statements at hand. Search no directory but that of submodules.
    let options =
      LY_CTX_REF_IMPLEMENTED | LY_CTX_NO_YANGLIBRARY | LY_CTX_EXPLICIT_COMPILE | LY_CTX_SET_PRIV_PARSED
      | LY_CTX_DISABLE_SEARCHDIR_CWD | LY_CTX_ENABLE_IMP_FEATURES
    var made: OpaquePointer?
    guard ly_ctx_new((try? submodules.get())?.path, UInt16(options), &made) == LY_SUCCESS, let made else {
      throw SchemaError(.library, reason: "the YANG library cannot start: out of memory, or its own modules are missing")
    }
    pointer = made
  }

  deinit { ly_ctx_destroy(pointer) }

  /// Parses all modules, then compiles them together.
  func load(_ sources: [SchemaLoader.Source]) throws(SchemaError) {
    let me = Unmanaged.passUnretained(self).toOpaque()
    ly_ctx_set_module_imp_clb(pointer, provideImport, me)
    defer { ly_ctx_set_module_imp_clb(pointer, nil, nil) }
    for source in sources { try implement(source) }
    ly_err_clean(pointer, nil)
    guard ly_ctx_compile(pointer) == LY_SUCCESS else { throw failure(in: nil) }
  }

  private func implement(_ source: SchemaLoader.Source) throws(SchemaError) {
    ly_err_clean(pointer, nil)
    let status = withAllFeatures { features in
      if let header = source.header, let known = known(header) { return lys_set_implemented(known, features) }
      if let name = source.header?.name { files[name] = source.path }
      return parse(source.text, features)
    }
    guard status == LY_SUCCESS else { throw failure(in: source.path) }
  }

  /// The module when an import has brought it in already.
  private func known(_ header: ModuleHeader) -> UnsafeMutablePointer<lys_module>? {
    if let implemented = ly_ctx_get_module_implemented(pointer, header.name) { return implemented }
    return ly_ctx_get_module(pointer, header.name, header.revision)
  }

  private func parse(_ text: [CChar], _ features: UnsafeMutablePointer<UnsafePointer<CChar>?>) -> LY_ERR {
    text.withUnsafeBufferPointer { text in
      var input: OpaquePointer?
      guard ly_in_new_memory(text.baseAddress, &input) == LY_SUCCESS, let input else { return LY_EMEM }
      defer { ly_in_free(input, 0) }
      return lys_parse(pointer, input, LYS_IN_YANG, features, nil)
    }
  }

  private func withAllFeatures<R>(_ body: (UnsafeMutablePointer<UnsafePointer<CChar>?>) -> R) -> R {
    "*".withCString { all in
      var features: [UnsafePointer<CChar>?] = [all, nil]
      return features.withUnsafeMutableBufferPointer { buffer in
        guard let base = buffer.baseAddress else { preconditionFailure("two features in the array") }
        return body(base)
      }
    }
  }

  /// The text of an imported module, as memory that the library frees with `free`.
  fileprivate func provide(_ name: String, revision: String?) -> UnsafeMutablePointer<CChar>? {
    guard let path = finder.file(name, revision: revision) else { return nil }
    do throws(SchemaError) {
      let text = try ModuleFinder.read(path)
      guard let copy = malloc(text.count) else { return nil }
      text.withUnsafeBytes { bytes in
        if let base = bytes.baseAddress { memcpy(copy, base, bytes.count) }
      }
      files[name] = path
      return copy.assumingMemoryBound(to: CChar.self)
    } catch {
      importFailure = importFailure ?? error
      return nil
    }
  }

  /// Puts a submodule where the library finds it by itself.
  fileprivate func place(submodule name: String, revision: String?) {
    guard let path = finder.file(name, revision: revision) else { return }
    do throws(SchemaError) {
      try submodules.get().link(name, to: path)
      files[name] = path
    } catch {
      importFailure = importFailure ?? error
    }
  }
}

/// Called by the library for every import and include it does not have.
private func provideImport(
  name: UnsafePointer<CChar>?, revision: UnsafePointer<CChar>?, submodule: UnsafePointer<CChar>?,
  submoduleRevision: UnsafePointer<CChar>?, userData: UnsafeMutableRawPointer?, format: UnsafeMutablePointer<LYS_INFORMAT>?,
  data: UnsafeMutablePointer<UnsafePointer<CChar>?>?, release: UnsafeMutablePointer<ly_module_imp_data_free_clb?>?
) -> LY_ERR {
  guard let userData, let name, let data else { return LY_EINVAL }
  let context = Unmanaged<YANGContext>.fromOpaque(userData).takeUnretainedValue()
  if let submodule {
    context.place(submodule: String(cString: submodule), revision: submoduleRevision.map { String(cString: $0) })
    return LY_ENOTFOUND
  }
  guard let text = context.provide(String(cString: name), revision: revision.map { String(cString: $0) }) else {
    return LY_ENOTFOUND
  }
  format?.pointee = LYS_IN_YANG
  data.pointee = UnsafePointer(text)
  release?.pointee = { data, _ in free(data) }
  return LY_SUCCESS
}

extension YANGContext {
  /// What the library says went wrong, in our terms. To be called right after the failed call, on the same thread.
  private func failure(in file: String?) -> SchemaError {
    if let importFailure { return importFailure }
    var messages: [String] = []
    var place: String?
    var next = UnsafePointer(ly_err_first(pointer))
    while let item = next {
      if item.pointee.level == LY_LLERR, let message = item.pointee.msg {
        messages.append(String(cString: message))
        if place == nil, messages.count == 1, let path = item.pointee.path { place = String(cString: path) }
      }
      next = UnsafePointer(item.pointee.next)
    }
    guard let reason = messages.first else {
      return SchemaError(.library, file: file, reason: "the YANG library failed without saying why")
    }
    if let missing = quoted(in: reason, after: "Data model ", before: " not found") {
      let importer = messages.lazy.compactMap { self.quoted(in: $0, after: "module ", before: " failed") }.first
      return SchemaError(
        .missingModule, file: importer.flatMap { files[$0] } ?? file,
        reason: "module \"\(missing)\" is imported or included but was found neither on the load path nor among the standard"
          + " modules. Put \(missing).yang there")
    }
    let parsing =
      messages.lazy.compactMap { self.quoted(in: $0, after: "Parsing module ", before: " failed") }.first
      ?? messages.lazy.compactMap { self.quoted(in: $0, after: "Parsing submodule ", before: " failed") }.first
    if let place, place.hasPrefix("Line number "), let line = Int(place.dropFirst(12).prefix { $0.isNumber }) {
      return SchemaError(.syntax, file: parsing.flatMap { files[$0] } ?? file, line: line, reason: reason)
    }
    let path = place.map { quoted(in: $0, after: "Schema location ", before: ".") ?? $0 }
    let module = path.flatMap { path in
      path.firstIndex(of: ":").map { String(path[..<$0].dropFirst()) }
    }
    let culprit = (parsing ?? module).flatMap { files[$0] } ?? file
    var line: Int?
    if let culprit, let path, let text = try? ModuleFinder.read(culprit) { line = StatementFinder(text).line(of: path) }
    return SchemaError(.semantics, file: culprit, line: line, path: path, reason: reason)
  }

  /// The text in quotes between two fixed pieces.
  private func quoted(in text: String, after start: String, before end: String) -> String? {
    guard text.hasPrefix(start + "\"") else { return nil }
    let rest = text.dropFirst(start.count + 1)
    guard let quote = rest.lastIndex(of: "\""), rest[rest.index(after: quote)...].hasPrefix(end) else { return nil }
    return String(rest[..<quote])
  }
}
