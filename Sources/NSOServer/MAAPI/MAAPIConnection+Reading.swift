import ExternalTerm
import NIOCore
import NSOEngine
import NSOModel
import NSOSchema
import NSOTerms
import NSOWire

/// Reads beyond the hot path (protocol part 04, section 4.6), and positions.
extension MAAPIConnection {
  /// Nil: another kind of request.
  func read(_ call: MAAPICall, _ op: UInt32, _ out: inout ByteBuffer) throws(NSOError) -> FrameOutcome? {
    let isRelative = call.isRelative
    switch call.request {
    case .getElemNoDefault(let path):
      out.writeAnswer(to: op) { (out) throws(NSOError) in
        let use = try use(call)
        let place = try use.locateVisible(path, isRelative)
        out.writeTermVersion()
        try use.read { (view) throws(NSOError) in try view.writeLeaf(place, markDefaults: true, into: &out) }
      }
    case .getElem2(let path):
      let use = try use(call)
      let place = try use.locateVisible(path, isRelative)
      out.writeReply(.text(try use.read { (view) throws(NSOError) in try view.text(of: place) }), to: op)
    case .getObject(let path):
      out.writeAnswer(to: op) { (out) throws(NSOError) in
        let use = try use(call)
        let place = try use.locate(path, isRelative)
        out.writeTermVersion()
        try use.read { (view) throws(NSOError) in
          try view.requireReadable(place)
          try view.writeObject(place, use.options, into: &out)
        }
      }
    case .getValues(let pairs, let path):
      out.writeAnswer(to: op) { (out) throws(NSOError) in
        let use = try use(call)
        let place = try use.locate(path, isRelative)
        let values = try use.read { (view) throws(NSOError) in
          try view.requireReadable(place)
          return try view.values(pairs, at: place, use.options)
        }
        out.writeTermVersion()
        TaggedValueCoding.write(values, into: &out)
      }
    case .getCase(let choice, let path):
      out.writeAnswer(to: op) { (out) throws(NSOError) in
        let use = try use(call)
        let place = try use.locate(path, isRelative)
        let found = try use.read { (view) throws(NSOError) in
          try view.requireReadable(place)
          return try view.caseInEffect(choice, in: place)
        }
        out.writeTermVersion()
        if found.isDefault, use.flags.contains(.noDefaults) {
          out.writeTermAtom("default")
        } else {
          TagCoding.write(found.name, into: &out)
        }
      }
    case .numInstances(let path):
      let use = try use(call)
      let list = try use.locateVisible(path, isRelative)
      let view = try use.view()
      return connection.elsewhere(op, services) { (out) throws(NSOError) in out.writeAnswer(try view.count(list)) }
    case .xpathEval(let request): return try evaluate(call, request, asText: false, op)
    case .xpathEvalExpr(let request): return try evaluate(call, request, asText: true, op)
    case .getNext(let request): return try getNext(request, try use(call), isRelative, op, &out)
    case .findNext(let request): return try findNext(request, try use(call), isRelative, op, &out)
    case .getObjects(let request): return try getObjects(request, try use(call), isRelative, op, &out)
    case .destroyCursor(let id):
      try use(call).cursors.remove(id)
      out.writeDone(op)
    case .setNamespace(let namespace):
      let use = try use(call)
      try use.position.setNamespace(namespace, use.model)
      out.writeDone(op)
    case .changeDirectory(let path):
      let use = try use(call)
      use.position.change(to: try use.locate(path, isRelative))
      out.writeDone(op)
    case .pushDirectory(let path):
      let use = try use(call)
      try use.position.push(try use.locate(path, isRelative))
      out.writeDone(op)
    case .popDirectory:
      try use(call).position.pop()
      out.writeDone(op)
    case .getCurrentDirectory:
      let use = try use(call)
      out.writeReply(.path(Keypath(use.position.location, use.model)), to: op)
    case .iterate(let flags, let path): return beginIteration(call, flags, path, &out)
    case .diffIterate(let flags): return beginDiff(call, flags, nil, &out)
    case .keypathDiffIterate(let flags, let path): return beginDiff(call, flags, path, &out)
    default: return nil
    }
    return .done
  }
}

extension TreeView {
  /// The text form of a leaf's value.
  func text(of leaf: Location) throws(NSOError) -> String {
    // Says what is wrong where there is no value.
    var buffer = ByteBuffer()
    try writeLeaf(leaf, into: &buffer)
    guard let value = try value(leaf), let node = leaf.node, let type = model.schema[node].type else {
      throw NSOError(.noExists, "\(leaf.text(model)) has no value")
    }
    if case .list(let values) = value {
      return values.map { model.schema.text(of: $0, as: type) ?? $0.plainText }.joined(separator: " ")
    }
    return model.schema.text(of: value, as: type) ?? value.plainText
  }
}
