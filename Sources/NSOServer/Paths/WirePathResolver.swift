import ExternalTerm
import NSOEngine
import NSOModel
import NSOSchema
import NSOTerms

/// Turns the path of a request, still encoded, into a place of the data tree: names are looked up by their bytes, keys are
/// checked against their types and made canonical. No text is made on the way, apart from errors.
struct WirePathResolver {
  let model: DataModel
  /// Where relative paths begin.
  var base = Location.root
  /// URI for a first name without one (SET_NAMESPACE).
  var namespace: String?
  /// Where the n-th entry of a list is looked up; nil where positions are not allowed (MAAPI).
  var view: TreeView?

  init(_ model: DataModel) { self.model = model }

  /// - Throws: BADPATH or BADTYPE, naming the element.
  func locate(_ path: WireKeypath) throws(NSOError) -> Location {
    if let text = path.text { return try locate(text: text) }
    return try withElements(path) { elements throws(NSOError) in try walk(&elements, path.count) }
  }

  /// The short way for reads that find something (see `LocationBuilder.quickChild`): nil where the long way has to be taken.
  /// Only for absolute paths without a namespace that was set.
  static func quick(_ path: WireKeypath, _ model: DataModel) -> Location? {
    guard path.count > 0 else { return nil }
    do throws(TermError) {
      return try path.withElements { (elements) throws(TermError) -> Location? in
        var builder = LocationBuilder(model)
        while let element = try elements.next() {
          switch element {
          case .tag(let uri, let name):
            guard builder.quickChild(namespace: uri, name: name) else { return nil }
          case .keys(let count, var reader):
            guard builder.takesStringKeys(count) else { return nil }
            for _ in 0..<count { builder.quickKey(try reader.readBinaryBytes()) }
          case .position: return nil
          }
        }
        return builder.location
      }
    } catch {
      return nil
    }
  }

  /// A list and some of its keys: the path of NXT_INDEX, whose last keys may be the atom `'*'`, which comes before every
  /// value (protocol part 03, section 9.5).
  func locate(listAndKeys path: WireKeypath) throws(NSOError) -> (list: Location, keys: [Value]) {
    if let text = path.text {
      var keypath = try model.schema.parsePath(text).keypath
      guard case .keys(let keys)? = keypath.elements.popLast() else {
        throw NSOError(.badPath, "\(text): the path must end with the keys of a list entry")
      }
      return (try locate(keypath), keys)
    }
    guard path.count > 0 else { throw NSOError(.badPath, "the root is no list entry") }
    return try withElements(path) { elements throws(NSOError) in
      let list = try walk(&elements, path.count - 1)
      guard case .keys(let count, let reader)? = try next(&elements) else {
        throw NSOError(.badPath, "\(list.text(model)): the path must end with the keys of a list entry")
      }
      var keys = try self.keys(count, reader, list)
      while keys.last == .tag("*") { keys.removeLast() }
      return (list, keys)
    }
  }

  private func withElements<R>(
    _ path: WireKeypath, _ body: (inout WireKeypath.Elements) throws(NSOError) -> R
  ) throws(NSOError) -> R {
    let result: Result<R, NSOError>
    do throws(TermError) {
      result = try path.withElements { (elements) throws(TermError) in
        Result { () throws(NSOError) in try body(&elements) }
      }
    } catch {
      throw NSOError(.badPath, "the path is malformed: \(error)")
    }
    return try result.get()
  }

  /// The first `count` elements.
  private func walk(_ elements: inout WireKeypath.Elements, _ count: Int) throws(NSOError) -> Location {
    var builder = LocationBuilder(model, from: base)
    for index in 0..<count {
      guard let element = try next(&elements) else { break }
      switch element {
      case .tag(nil, let name):
        if index == 0, base.node == nil, let namespace {
          try child(namespace, name, &builder)
        } else {
          try builder.child(namespace: nil, name: name)
        }
      case .tag(let uri?, let name): try builder.child(namespace: uri, name: name)
      case .keys(let count, let reader): try builder.entry(try keys(count, reader, builder.location))
      case .position(let index): builder = try entry(index, of: builder)
      }
    }
    return builder.location
  }

  private func next(_ elements: inout WireKeypath.Elements) throws(NSOError) -> WireKeypath.Element? {
    do throws(TermError) { return try elements.next() } catch { throw NSOError(.badPath, "the path is malformed: \(error)") }
  }

  private func child(
    _ namespace: String, _ name: UnsafeRawBufferPointer, _ builder: inout LocationBuilder
  ) throws(NSOError) {
    var namespace = namespace
    let result = namespace.withUTF8 { uri in
      Result { () throws(NSOError) in try builder.child(namespace: UnsafeRawBufferPointer(uri), name: name) }
    }
    try result.get()
  }

  private func keys(_ count: Int, _ reader: TermReader, _ list: Location) throws(NSOError) -> [Value] {
    var reader = reader
    var values: [Value] = []
    values.reserveCapacity(min(count, 16))
    for index in 0..<count {
      do throws(TermError) {
        values.append(try ValueCoding.read(&reader))
      } catch {
        throw NSOError(.badType, "\(list.text(model)): key \(index + 1) is no value: \(error)")
      }
    }
    return values
  }

  private func entry(_ index: Int, of builder: LocationBuilder) throws(NSOError) -> LocationBuilder {
    guard let view else {
      throw NSOError(.badPath, "\(builder.text)[\(index)]: entries by position are for CDB read sessions; give the keys")
    }
    return LocationBuilder(model, from: try view.entry(withKeysIn: builder.location, at: index))
  }

  /// A path that came as text (protocol part 02, section 5.5).
  private func locate(text: String) throws(NSOError) -> Location {
    try locate(try model.schema.parsePath(text).keypath)
  }

  private func locate(_ path: Keypath) throws(NSOError) -> Location {
    var builder = LocationBuilder(model)
    for element in path.elements {
      switch element {
      case .tag(let tag): try builder.child(tag)
      case .keys(let keys): try builder.entry(keys)
      case .position(let index): builder = try entry(index, of: builder)
      }
    }
    return builder.location
  }
}
