import ExternalTerm
import Foundation
import NSOModel
import NSOTerms
import NSOWire

@testable import NSOServer

/// Data of providers: operational data, operational data in configured entries, configuration, hooks.
enum ServedModel {
  static let added = [("served", text)]

  static let text = """
    module served {
      yang-version 1.1;
      namespace "urn:ex:served";
      prefix sv;
      import tailf-common { prefix tailf; }
      container stats {
        config false;
        tailf:callpoint stats-cp;
        leaf uptime { type uint32; }
        leaf-list tags { type string; }
        leaf flag { type empty; }
        container box { presence "there"; leaf size { type uint8; } }
        choice mode { case a { leaf alpha { type string; } } case b { leaf beta { type string; } } }
        list item {
          key name;
          leaf name { type string; }
          leaf count { type uint32; }
          leaf level { type uint8; default 3; }
          container in { leaf deep { type string; } }
          list sub { key id; leaf id { type uint8; } leaf v { type string; } }
        }
        list event { leaf text { type string; } }
      }
      container devices {
        list device {
          key name;
          leaf name { type string; }
          leaf address { type string; }
          container live { config false; tailf:callpoint live-cp; leaf load { type uint32; } }
        }
      }
      container remote {
        tailf:callpoint remote-cp { tailf:opaque there; }
        leaf title { type string; default none; }
        list user {
          key id;
          leaf id { type uint16; }
          leaf nick { type string; mandatory true; }
          leaf level { type uint8; default 1; }
          leaf-list role { type string; }
          leaf boss { type leafref { path "../../user/id"; } }
        }
        container options { presence "there"; leaf z { type string; } }
      }
      container hooked {
        tailf:callpoint hook-cp { tailf:transaction-hook subtree; }
        leaf a { type string; }
        leaf b { type string; }
      }
    }
    """

  static func path(_ top: String, _ elements: Keypath.Element...) -> Keypath {
    path(top, elements: elements)
  }

  static func path(_ top: String, elements: [Keypath.Element]) -> Keypath {
    Keypath([.tag(Tag(top, in: "urn:ex:served"))] + elements)
  }
}

/// What a provider holds, by text of the path: leafs by their value, entries and other nodes by `.empty`.
final class ServedTable: Sendable {
  private let data = LockedBox<[String: Value]>([:])

  init(_ data: [String: Value] = [:]) { self.data.with { $0 = data } }

  var all: [String: Value] { data.with { $0 } }
  subscript(path: String) -> Value? {
    get { data.with { $0[path] } }
    set { data.with { $0[path] = newValue } }
  }

  /// Without namespaces: `/stats/item{a}/count`.
  static func text(_ path: Keypath) -> String {
    path.elements.map { element in
      switch element {
      case .tag(let tag): "/\(tag.name)"
      case .keys(let keys): "{\(keys.map(\.plainText).joined(separator: " "))}"
      case .position(let index): "[\(index)]"
      }
    }.joined()
  }

  /// The keys of the entries of a list, in their order.
  func entries(_ list: String) -> [String] {
    all.keys.filter { $0.hasPrefix(list + "{") && $0.dropFirst(list.count).firstIndex(of: "}") == $0.indices.last }
      .map { String($0.dropFirst(list.count + 1).dropLast()) }.sorted {
        ($0.count, $0) < ($1.count, $1) || ($0 < $1 && Int($0) == nil)
      }
  }

  /// Answers what reads and writes single nodes.
  func answer(_ request: CallbackRequest, key: (String) -> Value = { .string($0) }) -> FakeProvider.Response {
    switch request.call {
    case .getElem(let path):
      let text = Self.text(path)
      if let value = self[text] { return .result(.value(value)) }
      // A key: whether its entry is there.
      if case .keys(let keys)? = path.elements.dropLast().last,
        self[String(text[..<(text.lastIndex(of: "/") ?? text.endIndex)])] != nil,
        ["name", "id"].contains(text.split(separator: "/").last ?? "")
      {
        return .result(.value(keys[0]))
      }
      return .result(.value(.notFound))
    case .existsOptional(let path): return .result(.existence(.bool(self[Self.text(path)] != nil)))
    case .getNext(let next):
      let entries = entries(Self.text(next.path))
      let index = Int(next.previous?.number ?? 0)
      guard index < entries.count else { return .result(.nextKey(nil)) }
      return .result(
        .nextKey(
          NextKey(
            [key(entries[index])],
            Continuation(.marker(TraversalMarker(traversal: next.previous?.traversal ?? 1, number: Int64(index + 1)))))))
    case .setElem(let path, let value): self[Self.text(path)] = value
    case .create(let path): self[Self.text(path)] = .empty
    case .remove(let path):
      let text = Self.text(path)
      data.with { data in data = data.filter { $0.key != text && !$0.key.hasPrefix(text + "/") } }
    default: return .failure(.reason(.init(.internal, "no callback installed")))
    }
    return .result(.ok)
  }

  static let readers: DataCallbacks = [.getElem, .existsOptional, .getNext]
  static let all: DataCallbacks = [.getElem, .existsOptional, .getNext, .setElem, .create, .remove]
}
