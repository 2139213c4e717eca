import Foundation
import NSOModel
import NSOTerms

/// Nodes with conditions, numbered entries, references, another order of entries.
enum AnnexModel {
  static let text = """
    module annex {
      yang-version 1.1;
      namespace "urn:ex:annex";
      prefix a;
      import tailf-common { prefix tailf; }
      container annex {
        leaf kind { type string; }
        leaf window { when "../kind = 'house'"; type string; }
        container garden { when "../kind = 'house'"; presence "a garden"; leaf size { type uint32; } }
        list rule {
          key number;
          tailf:indexed-view;
          leaf number { type uint8 { range "1..9"; } }
          leaf text { type string; }
          list part { key id; ordered-by user; leaf id { type string; } leaf note { type string; } }
        }
        list queue { key "a b"; ordered-by user; leaf a { type string; } leaf b { type int32; } leaf text { type string; } }
        list room {
          key name;
          tailf:secondary-index by-floor { tailf:index-leafs "floor area"; }
          leaf name { type string; }
          leaf floor { type int8; }
          leaf area { type uint32; }
          leaf secret { tailf:hidden full; type string; }
          leaf next { type leafref { path "../../room/name"; } }
        }
        leaf entrance { type leafref { path "../room/name"; } }
        leaf-list doors { type leafref { path "../room/name"; } }
        leaf pointer { type instance-identifier; }
        leaf lamp { tailf:display-when "../kind = 'house'"; type string; }
        container spare {
          list room { key name; leaf name { type string; } leaf floor { type int8; } leaf area { type uint32; }
            leaf secret { type string; } leaf next { type string; } }
        }
      }
      container annex-state {
        config false;
        choice heating { case oil { leaf litres { type uint32; } } case gas { leaf pressure { type uint32; } } }
        leaf note { type string; }
      }
    }
    """

  /// Where `tailf-common` is.
  static let directory = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appending(path: "Sources/NSODaemon/YANG").path
}

extension Keypath {
  static func annex(_ elements: Element...) -> Keypath { Keypath([.tag(Tag("annex", in: "urn:ex:annex"))] + elements) }
  static func annexState(_ elements: Element...) -> Keypath {
    Keypath([.tag(Tag("annex-state", in: "urn:ex:annex"))] + elements)
  }
  static func rule(_ number: UInt8, _ elements: Element...) -> Keypath {
    Keypath([.tag(Tag("annex", in: "urn:ex:annex")), .tag("rule"), .keys([.uint8(number)])] + elements)
  }
  static func room(_ name: String, _ elements: Element...) -> Keypath {
    Keypath([.tag(Tag("annex", in: "urn:ex:annex")), .tag("room"), .keys([.string(name)])] + elements)
  }
}
