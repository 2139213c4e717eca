import NSOModel
import NSOSchema
import NSOStore

/// The short way to a place, for reads that are made often: no text, no values, one array for the key in the store. It leaves
/// out what only errors need, and does not look at the types of keys; so it is good only for a read that finds something,
/// which proves that the path was right. Where it gives up, or the read finds nothing, the long way says why.
extension LocationBuilder {
  /// Steps to a child node by name. False: take the long way.
  @inline(__always)
  public mutating func quickChild(namespace: UnsafeRawBufferPointer?, name: UnsafeRawBufferPointer) -> Bool {
    if let node = location.node {
      switch model[node].kind {
      case .list where !location.isEntry: return false
      case .container, .list: break
      default: return false
      }
    }
    guard let id = model.schema.child(of: location.node, namespace: namespace, name: name), model.layout.isStored(id) else {
      return false
    }
    quickStep(to: id)
    return true
  }

  /// Whether the list that was reached has exactly so many keys, all of them strings: give them with ``quickKey(_:)``.
  @inline(__always)
  public func takesStringKeys(_ count: Int) -> Bool {
    guard let node = location.node, !location.isEntry, count > 0 else { return false }
    return Int(model[node].stringKeys) == count
  }
}
