import NSOModel
import NSOSchema
import NSOStore
import NSOXPath

/// All data, and the content of one operation below its place: what an expression in an action or notification can see
/// (RFC 7950, section 6.4.1).
struct OperationStorage: MutableInstanceStorage {
  enum Place: Hashable {
    case data(TreePath)
    /// Below the operation.
    case content(MemoryStorage.Place)
  }

  let data: StoreStorage
  let operation: NodeID
  let parent: TreePath
  var content: MemoryStorage

  init(_ view: TreeView, _ instance: OperationInstance, _ content: MemoryStorage) {
    data = StoreStorage(view)
    operation = instance.node
    parent = instance.parent.path
    self.content = content
  }

  var schema: Schema { data.schema }
  var rootPlace: Place { .data(.root) }

  func place(of child: NodeID, in parent: Place) -> Place {
    switch parent {
    case .data(let path) where child == operation && path == self.parent: .content([])
    case .data(let path): .data(data.place(of: child, in: path))
    case .content(let place): .content(content.place(of: child, in: place))
    }
  }

  func place(ofEntry keys: [Value], of list: NodeID, at place: Place) throws -> Place {
    switch place {
    case .data(let path): .data(try data.place(ofEntry: keys, of: list, at: path))
    case .content(let place): .content(content.place(ofEntry: keys, of: list, at: place))
    }
  }

  func isSet(_ place: Place) throws -> Bool {
    switch place {
    case .data(let path): try data.isSet(path)
    case .content(let place): content.isSet(place)
    }
  }

  func hasContent(_ place: Place) throws -> Bool {
    switch place {
    case .data(let path): try data.hasContent(path)
    case .content(let place): content.hasContent(place)
    }
  }

  func value(of leaf: NodeID, at place: Place) throws -> Value? {
    switch place {
    case .data(let path): try data.value(of: leaf, at: path)
    case .content(let place): content.value(of: leaf, at: place)
    }
  }

  func forEachEntry(
    of list: NodeID, at place: Place, keys: [Value], _ body: (Place, [Value]) throws -> Bool
  ) throws -> Bool {
    switch place {
    case .data(let path): try data.forEachEntry(of: list, at: path, keys: keys) { try body(.data($0), $1) }
    case .content(let place): try content.forEachEntry(of: list, at: place, keys: keys) { try body(.content($0), $1) }
    }
  }

  func isEntry(_ a: Place, before b: Place, of list: NodeID) throws -> Bool {
    switch (a, b) {
    case (.data(let a), .data(let b)): try data.isEntry(a, before: b, of: list)
    case (.content(let a), .content(let b)): content.isEntry(a, before: b, of: list)
    default: false
    }
  }

  func isOperation(_ place: Place) -> Bool { place == .content([]) }

  mutating func remove(_ place: Place, of node: NodeID) {
    if case .content(let place) = place { content.remove(place, of: node) }
  }
}
