import Foundation
import NSOModel
import NSOTerms
import NSOWire

@testable import NSOServer

/// A list of books that a provider serves, and one of papers that it stores.
enum ShelfModel {
  static let added = [("shelf", text)]

  static let text = """
    module shelf {
      yang-version 1.1;
      namespace "urn:ex:shelf";
      prefix sh;
      import tailf-common { prefix tailf; }
      identity medium;
      identity paper { base medium; }
      identity film { base medium; }
      container shelf {
        config false;
        tailf:callpoint shelf-cp;
        list book {
          key title;
          tailf:secondary-index by-year { tailf:index-leafs "year"; }
          leaf title { type string; }
          leaf year { type uint16; }
          leaf pages { type uint32; default 100; }
          leaf rate { type decimal64 { fraction-digits 2; } }
          leaf kind { type identityref { base medium; } }
          leaf-list tag { type string; }
          container loan { leaf who { type string; } }
          leaf signed { type empty; }
          list copy { key n; leaf n { type uint8; } }
        }
      }
      container desk {
        tailf:callpoint desk-cp;
        leaf note { type string; }
        list paper {
          key id;
          tailf:secondary-index by-rank { tailf:index-leafs "rank"; }
          leaf id { type uint8; }
          leaf rank { type uint8; }
        }
      }
    }
    """

  static let books: Keypath = [.tag(Tag("shelf", in: "urn:ex:shelf")), .tag("book")]
  static let desk: Keypath = [.tag(Tag("desk", in: "urn:ex:shelf"))]
  static let papers: Keypath = [.tag(Tag("desk", in: "urn:ex:shelf")), .tag("paper")]

  static func book(_ title: String, _ elements: Keypath.Element...) -> Keypath {
    Keypath(books.elements + [.keys([.string(title)])] + elements)
  }

  static func identity(_ name: String) -> Value { .identityref(IdentityHash(QName(namespace: "urn:ex:shelf", name: name))) }
}

/// One book, its leafs by their path below the entry.
struct Book: Sendable {
  var title: String
  var leafs: [String: Value]

  init(_ title: String, _ leafs: [String: Value] = [:]) {
    self.title = title
    self.leafs = leafs
    self.leafs["title"] = .string(title)
  }

  func value(_ node: [Tag]) -> Value? {
    let path = node.map(\.name).joined(separator: "/")
    if path == "copy" { return leafs.keys.contains { $0.hasPrefix("copy") } ? .empty : nil }
    return leafs[path]
  }

  /// As an object, in the order of the schema.
  var object: ProviderObject {
    .values([
      .string(title), leafs["year"] ?? .notFound, leafs["pages"] ?? .defaultInEffect, leafs["rate"] ?? .notFound,
      leafs["kind"] ?? .notFound, leafs["tag"] ?? .list([]), .tag(Tag("loan", in: "urn:ex:shelf")),
      leafs["loan/who"] ?? .notFound, leafs["signed"] == nil ? .notFound : .tag(Tag("signed", in: "urn:ex:shelf")), .notFound,
    ])
  }
}

/// Answers for a list of books, one entry at a time, with markers.
final class Shelf: Sendable {
  enum Honesty: Sendable {
    /// Sends everything.
    case ignores
    /// Leaves out what does not meet the filter.
    case filters
    /// As well, and says so.
    case promises
    /// Says so, and sends everything.
    case lies
  }

  let books: [Book]
  let honesty: Honesty
  /// Entries by -1 instead of markers.
  let goesByKeys: Bool
  /// The walks by their numbers.
  private let walks = LockedBox<[Int64: (books: [Book], isPromised: Bool)]>([:])

  init(_ books: [Book], _ honesty: Honesty = .ignores, goesByKeys: Bool = false) {
    self.books = books.sorted { Array($0.title.utf8).lexicographicallyPrecedes(Array($1.title.utf8)) }
    self.honesty = honesty
    self.goesByKeys = goesByKeys
  }

  static let some = [
    Book("a", ["year": .uint16(1990), "pages": .uint32(5), "tag": .list([.string("x")]), "loan/who": .string("al")]),
    Book(
      "ab",
      ["year": .uint16(1985), "kind": ShelfModel.identity("paper"), "rate": .decimal64(Decimal64(scaled: 250, digits: 2))]),
    Book("b", ["year": .uint16(2001), "signed": .empty]),
    Book("ba", ["pages": .uint32(100), "kind": ShelfModel.identity("film")]),
    Book("c", ["year": .uint16(1999), "pages": .uint32(300), "loan/who": .string("bo")]),
  ]

  func answer(_ request: CallbackRequest) -> FakeProvider.Response {
    switch request.call {
    case .getElem(let path):
      guard case .keys(let keys)? = path.elements.dropFirst(2).first, case .string(let title)? = keys.first,
        let book = books.first(where: { $0.title == title })
      else { return .result(.value(.notFound)) }
      let node = path.elements.dropFirst(3).compactMap { if case .tag(let tag) = $0 { tag } else { nil } }
      return .result(.value(book.value(node) ?? .notFound))
    case .existsOptional(let path):
      guard case .keys(let keys)? = path.elements.dropFirst(2).first, case .string(let title)? = keys.first else {
        return .result(.existence(.bool(false)))
      }
      let node = path.elements.dropFirst(3).compactMap { if case .tag(let tag) = $0 { tag } else { nil } }
      return .result(.existence(.bool(books.first { $0.title == title }?.value(node) != nil)))
    case .getNext(let next):
      guard next.path.elements.count == 2 else { return .result(.nextKey(nil)) }
      if let previous = next.previous { return entry(previous.traversal, Int(previous.number)) }
      return entry(begin(next.index, next.filter) { _ in true }, 0)
    case .findNext(let find):
      let walk = begin(find.index, find.filter) { book in
        guard let wanted = find.keys.first else { return true }
        if find.index.isEmpty, case .string(let title) = wanted {
          return Self.isBefore(title, book.title) || (find.includesSame && title == book.title)
        }
        guard case .uint16(let year) = wanted, case .uint16(let other)? = book.leafs["year"] else { return false }
        return other > year || (find.includesSame && other == year)
      }
      return entry(walk, 0)
    default: return .failure(.reason(.init(.internal, "no callback installed")))
    }
  }

  private static func isBefore(_ a: String, _ b: String) -> Bool { Array(a.utf8).lexicographicallyPrecedes(Array(b.utf8)) }

  private func begin(_ index: String, _ filter: FilterArgument, _ isWanted: (Book) -> Bool) -> Int64 {
    var found = books.filter(isWanted)
    var isPromised = honesty == .lies
    if case .filter(let filter) = filter, honesty == .filters || honesty == .promises {
      let met = books.map { book in filter.isMet { book.value($0) } }
      // Only what can be said of all of them.
      isPromised = honesty == .promises && !met.contains(nil)
      found = found.filter { book in filter.isMet { book.value($0) } != false }
    }
    if index == "by-year" {
      func year(_ book: Book) -> Int { if case .uint16(let year)? = book.leafs["year"] { Int(year) } else { -1 } }
      found.sort { (year($0), $0.title) < (year($1), $1.title) }
    }
    return walks.with { walks in
      let number = Int64(walks.count + 1)
      walks[number] = (found, isPromised)
      return number
    }
  }

  private func entry(_ walk: Int64, _ number: Int) -> FakeProvider.Response {
    guard let (books, isFiltered) = walks.with({ $0[walk] }), books.indices.contains(number) else {
      return .result(.nextKey(nil))
    }
    let next: Continuation.Next =
      goesByKeys ? .byKeys : .marker(TraversalMarker(traversal: walk, number: Int64(number + 1)))
    return .result(.nextKey(NextKey([.string(books[number].title)], Continuation(next, isFiltered: isFiltered))))
  }
}
