import NSOModel
import NSOSchema
import NSOStore
import NSOXPath

/// Elements: what they write.
extension TemplateRun {
  func write(
    _ element: TemplateElement, _ target: Target, _ context: Context, _ editor: inout TreeEditor
  ) throws(NSOError) {
    guard let forEach = element.forEach else { return try writeIfWanted(element, target, context, &editor) }
    try self.forEach(nodes(forEach, context, editor)) { (node) throws(NSOError) in
      try writeIfWanted(element, target, Context(node: node, root: context.root), &editor)
    }
  }

  private func writeIfWanted(
    _ element: TemplateElement, _ target: Target, _ context: Context, _ editor: inout TreeEditor
  ) throws(NSOError) {
    try count()
    if let when = element.when, try !test(when, context, editor) { return }
    let place = target.location.child(element.node, model)
    let tag = element.tag ?? target.tag
    switch model[element.node].kind {
    case .container: try writeContainer(element, place, tag, context, &editor)
    case .list: try writeList(element, place, tag, context, &editor)
    case .leafList: try writeLeafList(element, place, tag, context, &editor)
    default: try writeLeaf(element, place, tag, context, &editor)
    }
  }

  // MARK: Containers and leafs

  private func writeContainer(
    _ element: TemplateElement, _ place: Location, _ tag: TemplateTag, _ context: Context, _ editor: inout TreeEditor
  ) throws(NSOError) {
    guard try prepare(place, tag, &editor) else { return }
    if model[element.node].flags.contains(.presence) {
      try editor.ensure(place)
      isStale = true
    }
    try carryOut(element.body, Target(location: place, tag: tag.inherited), context, &editor)
  }

  private func writeLeaf(
    _ element: TemplateElement, _ place: Location, _ tag: TemplateTag, _ context: Context, _ editor: inout TreeEditor
  ) throws(NSOError) {
    if tag == .delete { return try remove(place, &editor) }
    let text: String
    switch try content(element.text, context, editor) {
    case .text(let value): text = value
    case .nodes(let nodes):
      // Nothing is set by no node; of several the first counts.
      guard let node = nodes.first else { return }
      text = model[element.node].flags.contains(.empty) ? "" : try value(of: node)
    }
    guard try prepare(place, tag == .replace ? .merge : tag, &editor) else { return }
    if model[element.node].flags.contains(.empty) {
      guard text.utf8.allSatisfy(TemplateScanner.isSpace) else {
        throw NSOError(.badType, "\(place.text(model)) is of type empty and takes no text")
      }
      try editor.ensure(place)
    } else {
      try count(written: text)
      try editor.set(place, try parse(text, element, place, editor))
    }
    isStale = true
  }

  private func writeLeafList(
    _ element: TemplateElement, _ list: Location, _ tag: TemplateTag, _ context: Context, _ editor: inout TreeEditor
  ) throws(NSOError) {
    if tag == .delete, element.text.parts.isEmpty { return try remove(list, &editor) }
    var texts: [String] = []
    switch try content(element.text, context, editor) {
    case .text(let text): texts = [text]
    case .nodes(let nodes): for node in nodes { texts.append(try value(of: node)) }
    }
    var entries: [Location] = []
    for text in texts {
      try count()
      try count(written: text)
      var builder = LocationBuilder(model, from: list)
      try builder.entry([try parse(text, element, list, editor)])
      entries.append(builder.location)
    }
    var wanted: [Location] = []
    for entry in entries where try prepare(entry, tag == .replace ? .merge : tag, &editor) { wanted.append(entry) }
    guard !wanted.isEmpty else { return }
    if let insert = element.insert {
      try put(wanted, insert, element, list, context, &editor)
    } else {
      for entry in wanted { try editor.ensure(entry) }
    }
    isStale = true
  }

  // MARK: Lists

  private func writeList(
    _ element: TemplateElement, _ list: Location, _ tag: TemplateTag, _ context: Context, _ editor: inout TreeEditor
  ) throws(NSOError) {
    guard !element.keys.isEmpty else { return try remove(list, &editor) }
    beginBlock()
    defer { endBlock() }
    guard let insert = element.insert, tag != .delete else {
      return try forEachEntry(element, list, element.keys[...], [:], context, &editor) {
        (entry, context, editor) throws(NSOError) in
        try self.writeEntry(element, entry, tag, context, isPlaced: false, &editor)
      }
    }
    // Where they stand depends on all of them.
    var entries: [(place: Location, context: Context)] = []
    try forEachEntry(element, list, element.keys[...], [:], context, &editor) { (entry, context, editor) throws(NSOError) in
      if try self.prepare(entry, tag, &editor) { entries.append((entry, context)) }
    }
    guard !entries.isEmpty else { return }
    try put(entries.map(\.place), insert, element, list, context, &editor)
    isStale = true
    for entry in entries { try writeEntry(element, entry.place, tag, entry.context, isPlaced: true, &editor) }
  }

  private func writeEntry(
    _ element: TemplateElement, _ entry: Location, _ tag: TemplateTag, _ context: Context, isPlaced: Bool,
    _ editor: inout TreeEditor
  ) throws(NSOError) {
    try count()
    if !isPlaced {
      guard try prepare(entry, tag, &editor) else { return }
      try editor.ensure(entry)
      isStale = true
    }
    try carryOut(element.body, Target(location: entry, tag: tag.inherited), context, &editor)
  }

  /// Evaluates the keys: each expression that gives nodes gives an entry for each of them, and is where the rest is evaluated.
  private func forEachEntry(
    _ element: TemplateElement, _ list: Location, _ steps: ArraySlice<TemplateElement.KeyStep>, _ keys: [Int: Value],
    _ context: Context, _ editor: inout TreeEditor,
    _ body: (Location, Context, inout TreeEditor) throws(NSOError) -> Void
  ) throws(NSOError) {
    guard let step = steps.first else {
      var builder = LocationBuilder(model, from: list)
      try builder.entry(keys.sorted { $0.key < $1.key }.map(\.value))
      return try body(builder.location, context, &editor)
    }
    var context = context
    switch step {
    case .instruction(let step):
      try carryOut(step, Target(location: list, tag: .merge), &context, &editor)
      try forEachEntry(element, list, steps.dropFirst(), keys, context, &editor, body)
    case .key(let index, let text, let place):
      guard let id = element.node.keys(model).element(at: index) else { return }
      let here = context
      /// Goes on with the key's value.
      func take(_ text: String, _ context: Context, _ editor: inout TreeEditor) throws(NSOError) {
        var keys = keys
        keys[index] = try at(place) { () throws(NSOError) in
          try count()
          try count(written: text)
          return try editor.parse(text, id, list.child(id, model), element.prefixes)
        }
        try forEachEntry(element, list, steps.dropFirst(), keys, context, &editor, body)
      }
      switch try at(place, { () throws(NSOError) in try content(text, here, editor) }) {
      case .text(let text): try take(text, here, &editor)
      case .nodes(let nodes):
        // All values are those of before the first entry is written.
        for node in nodes { _ = try at(place) { () throws(NSOError) in try value(of: node) } }
        try forEach(nodes) { (node) throws(NSOError) in try take(value(of: node), self.context(after: node, here), &editor) }
      }
    }
  }

  // MARK: What tags mean

  /// Does to a node what its tag says before it is written.
  /// - Returns: false when it is not to be written.
  private func prepare(_ place: Location, _ tag: TemplateTag, _ editor: inout TreeEditor) throws(NSOError) -> Bool {
    switch tag {
    case .merge: return true
    case .nocreate:
      if isPlain(place) { return true }
      return try editor.isPresent(place)
    case .create:
      guard try !editor.isPresent(place) else {
        throw NSOError(.alreadyExists, "\(place.text(model)) exists already (tags=\"create\")")
      }
      return true
    case .replace:
      try remove(place, &editor)
      return true
    case .delete:
      try remove(place, &editor)
      return false
    }
  }

  /// A container that is there by itself.
  private func isPlain(_ place: Location) -> Bool {
    place.node.map { model[$0].kind == .container && !model[$0].flags.contains(.presence) } ?? true
  }

  private func remove(_ place: Location, _ editor: inout TreeEditor) throws(NSOError) {
    guard try editor.isPresent(place) else { return }
    try editor.remove(place)
    isStale = true
  }

  private func parse(
    _ text: String, _ element: TemplateElement, _ place: Location, _ editor: TreeEditor
  ) throws(NSOError) -> Value {
    try editor.parse(text, element.node, place, element.prefixes)
  }

  // MARK: Order

  /// Makes entries of a list ordered by user, or moves them, so that they stand where the attribute `insert` says, one after the other.
  private func put(
    _ entries: [Location], _ insert: TemplateInsert, _ element: TemplateElement, _ list: Location, _ context: Context,
    _ editor: inout TreeEditor
  ) throws(NSOError) {
    let anchor = try insert.anchor.map { (text) throws(NSOError) in
      try entry(text, "value", element, list, context, editor)
    }
    if let anchor {
      guard let anchor, try editor.isPresent(anchor) else {
        throw NSOError(
          .noExists, "insert=\"\(insert.place.rawValue)\": the entry of attribute value does not exist in \(list.text(model))")
      }
      guard !entries.contains(anchor) else {
        throw NSOError(.badConfig, "insert=\"\(insert.place.rawValue)\": \(anchor.text(model)) cannot stand beside itself")
      }
    }
    if let text = insert.guarding, let guarding = try entry(text, "guard", element, list, context, editor),
      try stand(entries, insert.place, anchor ?? nil, guarding, editor)
    {
      return
    }
    var next: MovePlace
    switch (insert.place, anchor ?? nil) {
    case (.before, let anchor?): next = .before(ownKeys(of: anchor))
    case (.after, let anchor?): next = .after(ownKeys(of: anchor))
    case (.first, _): next = .first
    default: next = .last
    }
    for entry in entries {
      if try editor.isPresent(entry) { try editor.move(entry, to: next) } else { try editor.ensure(entry, at: next) }
      next = .after(ownKeys(of: entry))
    }
  }

  /// Whether all entries are there, in this order, on their side of the guarding one.
  private func stand(
    _ entries: [Location], _ place: TemplateInsert.Place, _ anchor: Location?, _ guarding: Location, _ editor: TreeEditor
  ) throws(NSOError) -> Bool {
    let view = editor.view
    guard let bound = try view.index(of: guarding) else { return false }
    let start = try anchor.flatMap { (anchor) throws(NSOError) in try view.index(of: anchor) }
    var last = -1
    for entry in entries {
      guard let index = try view.index(of: entry), index > last else { return false }
      last = index
      let fits =
        switch place {
        case .first: index < bound
        case .last: index > bound
        case .after: index < bound && index > start ?? -1
        case .before: index > bound && index < start ?? Int.max
        }
      guard fits else { return false }
    }
    return true
  }

  /// The entry that an attribute names; nil when its expression gives nothing.
  private func entry(
    _ text: TemplateText, _ attribute: String, _ element: TemplateElement, _ list: Location, _ context: Context,
    _ editor: TreeEditor
  ) throws(NSOError) -> Location? {
    let found: String
    switch try content(text, context, editor) {
    case .text(let text): found = text
    case .nodes(let nodes):
      guard let node = nodes.first else { return nil }
      found = try value(of: node)
    }
    let names = element.node.keys(model)
    var keys: [Value] = []
    if names.isEmpty {
      keys = [try parse(found, element, list, editor)]
    } else {
      var words = [found]
      if names.count > 1 {
        guard case .listed(let listed)? = try StringPath("/entry{\(found)}").steps.first?.keys, listed.count == names.count
        else {
          throw NSOError(.badConfig, "\(attribute)=\"\(found.shortened)\": \(list.text(model)) has \(names.count) keys")
        }
        words = listed
      }
      for (id, word) in zip(names, words) {
        keys.append(try editor.parse(word, id, list.child(id, model), element.prefixes))
      }
    }
    var builder = LocationBuilder(model, from: list)
    try builder.entry(keys)
    return builder.location
  }

  private func ownKeys(of entry: Location) -> [Value] {
    let count = entry.node.map { max(1, model.schema[$0].keys.count) } ?? 1
    return Array(entry.keys.suffix(count))
  }
}

extension NodeID {
  /// The keys of a list; none of other nodes.
  fileprivate func keys(_ model: DataModel) -> [NodeID] { model.schema[self].keys }
}

extension Array {
  fileprivate func element(at index: Int) -> Element? { indices.contains(index) ? self[index] : nil }
}
