import Foundation
import NSOModel
import NSOTerms
import NSOWire

@testable import NSOServer

/// Hooks of all kinds and a transform.
enum HookModel {
  static let added = [("watched", text + "}\n")]
  static let addedWithTransform = [("watched", text + transform + "}\n")]

  private static let text = """
    module watched {
      yang-version 1.1; namespace "urn:watched"; prefix w;
      import tailf-common { prefix tailf; }
      container watched {
        tailf:callpoint watch-cp { tailf:set-hook subtree; }
        leaf a { type string; } leaf b { type string; }
        list item { key id; leaf id { type uint8; } leaf c { type string; } }
        list row { key id; ordered-by user; leaf id { type uint8; } }
      }
      container first { tailf:callpoint first-cp { tailf:set-hook subtree; } leaf x { type string; } }
      container second { tailf:callpoint second-cp { tailf:set-hook subtree; } leaf y { type string; } }
      container kinds {
        list thing {
          tailf:callpoint object-cp { tailf:set-hook object; }
          key id; leaf id { type uint8; } leaf v { type string; }
          list inner { key id; leaf id { type uint8; } leaf w { type string; } }
        }
        container point { presence "here"; tailf:callpoint node-cp { tailf:set-hook node; } leaf z { type string; } }
      }
      container group {
        list member {
          key id; leaf id { type uint8; }
          container in { tailf:callpoint in-cp { tailf:set-hook subtree; } leaf e { type string; } leaf f { type string; } }
        }
      }
      container other {
        leaf d { type string; }
        choice way { case plain { leaf plain { type string; tailf:callpoint plain-cp { tailf:set-hook node; } } } case odd { leaf odd { type string; } } }
      }
      container whole {
        tailf:callpoint whole-cp { tailf:transaction-hook subtree { tailf:invocation-mode per-transaction; } }
        leaf v { type string; } leaf seen { type string; }
      }
      container each {
        tailf:callpoint each-cp { tailf:transaction-hook subtree { tailf:invocation-mode per-object; } }
        leaf v { type string; }
        list row { key id; ordered-by user; leaf id { type uint8; } }
      }
    """

  private static let transform = """
    container front {
      tailf:callpoint front-cp { tailf:transform true; }
      leaf title { type string; }
      list name { key id; leaf id { type uint8; } leaf text { type string; } }
    }
    container back { leaf heading { type string; } list entry { key id; leaf id { type uint8; } leaf text { type string; } } }
    """

  static func path(_ top: String, _ elements: Keypath.Element...) -> Keypath {
    Keypath([.tag(Tag(top, in: "urn:watched"))] + elements)
  }

  static let writes: DataCallbacks = [.setElem, .create, .remove, .moveAfter, .setAttribute]

  static func registration(_ point: String, _ mask: DataCallbacks = writes, index: Int32 = 3) -> ProviderRegistration {
    ProviderRegistration(.data, point, mask: mask.rawValue, flags: [.sendsPaths, .noDefaults], index: index)
  }

  /// A connection as a hook has it: attached to the transaction.
  static func attached(_ daemon: TestDaemon, _ handle: Int32) throws -> WireClient {
    let client = try daemon.connect()
    try client.done(.attach(Attach(namespace: .none, session: 0)), handle)
    return client
  }

  /// Does something in the transaction that a callback is about; what is thrown is the answer.
  static func answer(
    _ daemon: TestDaemon, _ request: CallbackRequest, _ body: (WireClient) throws -> Void
  ) -> FakeProvider.Response {
    do {
      try body(try attached(daemon, request.handle))
      return .result(.ok)
    } catch {
      return .failure(.reason(.init(.application, (error as? NSOError)?.message ?? "\(error)")))
    }
  }
}
