import NSOModel

/// A small module with data that it allows and data that it does not.
struct CorpusCase: CustomStringConvertible {
  var name: String
  var modules: [String]
  /// Data, and the code of the failure; nil for valid data.
  var data: [(xml: String, code: ErrorCode?)]
  /// False where yanglint is known to see it otherwise.
  var yanglintAgrees = true

  var description: String { name }

  init(_ name: String, _ modules: String..., data: [(xml: String, code: ErrorCode?)], yanglintAgrees: Bool = true) {
    self.name = name
    self.modules = modules
    self.data = data
    self.yanglintAgrees = yanglintAgrees
  }
}

let corpus: [CorpusCase] = [
  CorpusCase(
    "must on a leaf",
    """
    m { container c {
      leaf low { type uint8; }
      leaf high { type uint8; must ". > ../low" { error-message "high must be above low"; error-app-tag "too-low"; } }
    } }
    """,
    data: [
      ("", nil), ("<c xmlns='urn:m'><low>3</low></c>", nil), ("<c xmlns='urn:m'><low>3</low><high>4</high></c>", nil),
      ("<c xmlns='urn:m'><low>4</low><high>4</high></c>", .mustFailed), ("<c xmlns='urn:m'><high>4</high></c>", .mustFailed),
    ]),
  CorpusCase(
    "must on a container without presence",
    "m { container c { must 'a or b'; leaf a { type string; } leaf b { type string; } } }",
    data: [("<c xmlns='urn:m'><a>x</a></c>", nil), ("<c xmlns='urn:m'><b>x</b></c>", nil), ("", .mustFailed)]),
  CorpusCase(
    "must on a list sees each entry",
    """
    m { list l { key k; leaf k { type string; } leaf v { type int32; }
      must "not(v) or v > 0"; must "count(../l[v = current()/v]) <= 1"; } }
    """,
    data: [
      ("<l xmlns='urn:m'><k>a</k><v>1</v></l><l xmlns='urn:m'><k>b</k><v>2</v></l><l xmlns='urn:m'><k>c</k></l>", nil),
      ("<l xmlns='urn:m'><k>a</k><v>1</v></l><l xmlns='urn:m'><k>b</k><v>0</v></l>", .mustFailed),
      ("<l xmlns='urn:m'><k>a</k><v>1</v></l><l xmlns='urn:m'><k>b</k><v>1</v></l>", .mustFailed),
    ]),
  CorpusCase(
    "must sees defaults",
    "m { container c { leaf on { type boolean; default true; } leaf x { type string; must \"../on = 'true'\"; } } }",
    data: [
      ("<c xmlns='urn:m'><x>1</x></c>", nil), ("<c xmlns='urn:m'><x>1</x><on>true</on></c>", nil),
      ("<c xmlns='urn:m'><x>1</x><on>false</on></c>", .mustFailed), ("<c xmlns='urn:m'><on>false</on></c>", nil),
    ]),
  CorpusCase(
    "must across lists by key",
    """
    m { container c {
      list port { key name; leaf name { type string; } leaf mode { type enumeration { enum trunk; enum access; } } }
      list vlan { key id; leaf id { type uint16; } leaf uplink { type string;
        must "../../port[name = current()]/mode = 'trunk'" { error-message "the uplink must be a trunk"; } } }
    } }
    """,
    data: [
      ("<c xmlns='urn:m'><port><name>p1</name><mode>trunk</mode></port><vlan><id>1</id><uplink>p1</uplink></vlan></c>", nil),
      (
        "<c xmlns='urn:m'><port><name>p1</name><mode>access</mode></port><vlan><id>1</id><uplink>p1</uplink></vlan></c>",
        .mustFailed
      ),
      ("<c xmlns='urn:m'><port><name>p1</name></port><vlan><id>1</id><uplink>p1</uplink></vlan></c>", .mustFailed),
      ("<c xmlns='urn:m'><vlan><id>1</id><uplink>p1</uplink></vlan></c>", .mustFailed),
      ("<c xmlns='urn:m'><vlan><id>1</id></vlan></c>", nil),
    ]),
  CorpusCase(
    "when on a leaf",
    "m { container c { leaf kind { type string; } leaf speed { when \"../kind = 'eth'\"; type uint32; } } }",
    data: [
      ("<c xmlns='urn:m'><kind>eth</kind><speed>5</speed></c>", nil), ("<c xmlns='urn:m'><kind>ppp</kind></c>", nil),
      ("<c xmlns='urn:m'><kind>ppp</kind><speed>5</speed></c>", .noExists),
      ("<c xmlns='urn:m'><speed>5</speed></c>", .noExists),
    ]),
  CorpusCase(
    "when on a list and in a uses",
    """
    m { grouping g { leaf a { type string; } }
      container c { leaf on { type empty; }
        list l { when "../on"; key k; leaf k { type string; } }
        uses g { when "on"; } } }
    """,
    data: [
      ("<c xmlns='urn:m'><on/><l><k>1</k></l><a>x</a></c>", nil), ("<c xmlns='urn:m'><l><k>1</k></l></c>", .noExists),
      ("<c xmlns='urn:m'><a>x</a></c>", .noExists),
    ]),
  CorpusCase(
    "when in an augment",
    """
    m { container c { leaf kind { type identityref { base kind; } } } identity kind; identity eth { base kind; } identity gig { base eth; } }
    """,
    "n { import m { prefix m; } augment /m:c { when \"derived-from-or-self(m:kind, 'm:eth')\"; leaf mtu { type uint16; } } }",
    data: [
      ("<c xmlns='urn:m'><kind>gig</kind><mtu xmlns='urn:n'>9</mtu></c>", nil),
      ("<c xmlns='urn:m'><kind xmlns:m='urn:m'>m:eth</kind><mtu xmlns='urn:n'>9</mtu></c>", nil),
      ("<c xmlns='urn:m'><mtu xmlns='urn:n'>9</mtu></c>", .noExists),
    ]),
  CorpusCase(
    "when and a default that depends on it",
    """
    m { container c { leaf mode { type string; }
      leaf a { when "../mode = 'x'"; type string; default "dflt"; }
      leaf b { type string; must "../a = 'dflt'"; } } }
    """,
    data: [
      ("<c xmlns='urn:m'><mode>x</mode><b>1</b></c>", nil), ("<c xmlns='urn:m'><mode>y</mode><b>1</b></c>", .mustFailed),
      ("<c xmlns='urn:m'><b>1</b></c>", .mustFailed), ("<c xmlns='urn:m'><mode>x</mode><a>z</a><b>1</b></c>", .mustFailed),
    ]),
  CorpusCase(
    "when and mandatory",
    "m { container c { leaf mode { type string; } leaf a { when \"../mode = 'x'\"; type string; mandatory true; } } }",
    data: [
      ("<c xmlns='urn:m'><mode>x</mode><a>1</a></c>", nil), ("<c xmlns='urn:m'><mode>y</mode></c>", nil), ("", nil),
      ("<c xmlns='urn:m'><mode>x</mode></c>", .notSet),
    ]),
  CorpusCase(
    "leafref to a key",
    """
    m { container c {
      list l { key k; leaf k { type string; } }
      leaf r { type leafref { path "../l/k"; } }
      leaf loose { type leafref { path "../l/k"; require-instance false; } }
      leaf-list many { type leafref { path "/c/l/k"; } } } }
    """,
    data: [
      ("<c xmlns='urn:m'><l><k>a</k></l><r>a</r><loose>zz</loose><many>a</many></c>", nil),
      ("<c xmlns='urn:m'><r>a</r></c>", .badKeyref),
      ("<c xmlns='urn:m'><l><k>a</k></l><many>a</many><many>b</many></c>", .badKeyref),
    ]),
  CorpusCase(
    "leafref with a key of the referring entry",
    """
    m { container c {
      list dev { key name; leaf name { type string; }
        list port { key id; leaf id { type uint8; } leaf label { type string; } } }
      list link { key n; leaf n { type string; }
        leaf dev { type leafref { path "../../dev/name"; } }
        leaf port { type leafref { path "../../dev[name = current()/../dev]/port/id"; } } } } }
    """,
    data: [
      (
        "<c xmlns='urn:m'><dev><name>a</name><port><id>1</id></port></dev><dev><name>b</name><port><id>2</id></port></dev><link><n>x</n><dev>a</dev><port>1</port></link></c>",
        nil
      ),
      (
        "<c xmlns='urn:m'><dev><name>a</name><port><id>1</id></port></dev><dev><name>b</name><port><id>2</id></port></dev><link><n>x</n><dev>a</dev><port>2</port></link></c>",
        .badKeyref
      ),
      ("<c xmlns='urn:m'><dev><name>a</name></dev><link><n>x</n><dev>b</dev></link></c>", .badKeyref),
    ]),
  CorpusCase(
    "leafref to a leaf, to a leafref, to a leaf-list, to a default",
    """
    m { container c { leaf a { type uint8; } leaf b { type leafref { path "../a"; } } leaf d { type leafref { path "../b"; } }
      leaf-list all { type string; } leaf one { type leafref { path "../all"; } }
      leaf dflt { type uint8; default 7; } leaf e { type leafref { path "../dflt"; } } } }
    """,
    data: [
      ("<c xmlns='urn:m'><a>1</a><b>1</b><d>1</d><all>x</all><all>y</all><one>y</one><e>7</e></c>", nil),
      ("<c xmlns='urn:m'><a>2</a><b>1</b></c>", .badKeyref), ("<c xmlns='urn:m'><a>2</a><d>2</d></c>", .badKeyref),
      ("<c xmlns='urn:m'><all>x</all><one>y</one></c>", .badKeyref),
      ("<c xmlns='urn:m'><dflt>8</dflt><e>7</e></c>", .badKeyref),
    ]),
  CorpusCase(
    "leafref in a union",
    """
    m { container c { list l { key k; leaf k { type string; } }
      leaf u { type union { type leafref { path "../l/k"; } type enumeration { enum any; } } } } }
    """,
    data: [
      ("<c xmlns='urn:m'><l><k>a</k></l><u>a</u></c>", nil), ("<c xmlns='urn:m'><u>any</u></c>", nil),
      ("<c xmlns='urn:m'><u>b</u></c>", .badKeyref),
    ]),
  CorpusCase(
    "unique",
    """
    m { list s { key k; unique "ip port"; unique "in/x"; leaf k { type string; } leaf ip { type string; } leaf port { type uint16; default 80; }
      container in { leaf x { type string; } } } }
    """,
    data: [
      (
        "<s xmlns='urn:m'><k>a</k><ip>1</ip></s><s xmlns='urn:m'><k>b</k><ip>1</ip><port>81</port></s><s xmlns='urn:m'><k>c</k></s><s xmlns='urn:m'><k>d</k></s>",
        nil
      ),
      ("<s xmlns='urn:m'><k>a</k><ip>1</ip></s><s xmlns='urn:m'><k>b</k><ip>1</ip><port>80</port></s>", .nonUnique),
      ("<s xmlns='urn:m'><k>a</k><in><x>1</x></in></s><s xmlns='urn:m'><k>b</k><in><x>1</x></in></s>", .nonUnique),
    ]),
  CorpusCase(
    "mandatory leaf",
    """
    m { list l { key k; leaf k { type string; } leaf v { type string; mandatory true; } container in { leaf w { type string; mandatory true; } } }
      container p { presence "p"; leaf x { type string; mandatory true; } } }
    """,
    data: [
      ("", nil), ("<l xmlns='urn:m'><k>a</k><v>1</v><in><w>2</w></in></l>", nil),
      ("<l xmlns='urn:m'><k>a</k><in><w>2</w></in></l>", .notSet),
      ("<l xmlns='urn:m'><k>a</k><v>1</v></l>", .notSet), ("<p xmlns='urn:m'/>", .notSet),
      ("<p xmlns='urn:m'><x>1</x></p>", nil),
    ]),
  CorpusCase(
    "mandatory at the top",
    "m { leaf a { type string; mandatory true; } container c { leaf b { type string; mandatory true; } } }",
    data: [
      ("<a xmlns='urn:m'>1</a><c xmlns='urn:m'><b>1</b></c>", nil), ("", .notSet), ("<a xmlns='urn:m'>1</a>", .notSet),
    ]),
  CorpusCase(
    "mandatory in a case",
    """
    m { container c { choice ch { case one { leaf a { type string; mandatory true; } leaf b { type string; } }
      case two { leaf d { type string; } container e { leaf f { type string; mandatory true; } } } } } }
    """,
    data: [
      ("", nil), ("<c xmlns='urn:m'><a>1</a></c>", nil), ("<c xmlns='urn:m'><b>1</b></c>", .notSet),
      ("<c xmlns='urn:m'><d>1</d></c>", .notSet), ("<c xmlns='urn:m'><d>1</d><e><f>1</f></e></c>", nil),
    ]),
  CorpusCase(
    "mandatory choice",
    """
    m { container c { presence "p"; choice ch { mandatory true; leaf a { type string; } container b { presence "b"; } case c { container d { leaf e { type string; } } }
        case n { choice inner { leaf x { type string; } leaf y { type string; } } } } } }
    """,
    data: [
      ("", nil), ("<c xmlns='urn:m'/>", .unsetChoice), ("<c xmlns='urn:m'><a>1</a></c>", nil),
      ("<c xmlns='urn:m'><b/></c>", nil),
      ("<c xmlns='urn:m'><d><e>1</e></d></c>", nil), ("<c xmlns='urn:m'><y>1</y></c>", nil),
    ]),
  CorpusCase(
    "mandatory choice with a condition",
    """
    m { container c { leaf on { type boolean; default false; }
      choice ch { when "on = 'true'"; mandatory true; leaf a { type string; } leaf b { type string; } } } }
    """,
    data: [
      ("", nil), ("<c xmlns='urn:m'><on>true</on></c>", .unsetChoice), ("<c xmlns='urn:m'><on>true</on><a>1</a></c>", nil),
      ("<c xmlns='urn:m'><a>1</a></c>", .noExists),
    ]),
  CorpusCase(
    "mandatory choice inside a case",
    """
    m { container c { choice out { case one { leaf a { type string; } choice in { mandatory true; leaf x { type string; } leaf y { type string; } } }
      leaf z { type string; } } } }
    """,
    data: [
      ("", nil), ("<c xmlns='urn:m'><z>1</z></c>", nil), ("<c xmlns='urn:m'><a>1</a></c>", .unsetChoice),
      ("<c xmlns='urn:m'><a>1</a><y>1</y></c>", nil),
      ("<c xmlns='urn:m'><y>1</y></c>", nil),
    ]),
  CorpusCase(
    "defaults of cases",
    """
    m { container c { choice ch { default one; case one { leaf a { type string; default "da"; } } case two { leaf b { type string; } leaf d { type string; default "dd"; } } }
      leaf seen { type string; must "(. = 'a' and ../a and not(../d)) or (. = 'd' and ../d and not(../a))"; } } }
    """,
    data: [
      ("<c xmlns='urn:m'><seen>a</seen></c>", nil), ("<c xmlns='urn:m'><seen>d</seen></c>", .mustFailed),
      ("<c xmlns='urn:m'><b>1</b><seen>d</seen></c>", nil), ("<c xmlns='urn:m'><b>1</b><seen>a</seen></c>", .mustFailed),
      ("<c xmlns='urn:m'><a>1</a><seen>a</seen></c>", nil),
    ]),
  CorpusCase(
    "min and max elements",
    """
    m { container c { presence "p"; list l { min-elements 1; max-elements 2; key k; leaf k { type string; } }
      leaf-list v { type string; max-elements 2; } } }
    """,
    data: [
      ("", nil), ("<c xmlns='urn:m'/>", .tooFewElems), ("<c xmlns='urn:m'><l><k>1</k></l><v>a</v><v>b</v></c>", nil),
      ("<c xmlns='urn:m'><l><k>1</k></l><l><k>2</k></l><l><k>3</k></l></c>", .tooManyElems),
      ("<c xmlns='urn:m'><l><k>1</k></l><v>a</v><v>b</v><v>c</v></c>", .tooManyElems),
    ]),
  CorpusCase(
    "min elements in a case",
    "m { container c { choice ch { case one { leaf a { type string; } leaf-list v { type string; min-elements 2; } } leaf b { type string; } } } }",
    data: [
      ("", nil), ("<c xmlns='urn:m'><b>1</b></c>", nil), ("<c xmlns='urn:m'><a>1</a></c>", .tooFewElems),
      ("<c xmlns='urn:m'><v>1</v></c>", .tooFewElems),
      ("<c xmlns='urn:m'><v>1</v><v>2</v></c>", nil),
    ]),
  CorpusCase(
    "instance-identifier",
    """
    m { container c { list l { key k; leaf k { type string; } leaf v { type string; } } leaf i { type instance-identifier; }
      leaf loose { type instance-identifier { require-instance false; } } } }
    """,
    data: [
      ("<c xmlns='urn:m' xmlns:m='urn:m'><l><k>a</k></l><i>/m:c/m:l[m:k='a']</i></c>", nil),
      ("<c xmlns='urn:m' xmlns:m='urn:m'><l><k>a</k></l><i>/m:c/m:l[m:k='b']</i></c>", .missingInstance),
      ("<c xmlns='urn:m' xmlns:m='urn:m'><l><k>a</k></l><i>/m:c/m:l[m:k='a']/m:v</i></c>", .missingInstance),
      ("<c xmlns='urn:m' xmlns:m='urn:m'><loose>/m:c/m:l[m:k='b']</loose></c>", nil),
    ]),
  CorpusCase(
    "deref and other functions of YANG 1.1",
    """
    m { container c {
      list l { key k; leaf k { type string; } leaf on { type boolean; default true; } }
      leaf r { type leafref { path "../l/k"; } must "deref(.)/../on = 'true'"; }
      leaf e { type enumeration { enum low { value 1; } enum high { value 9; } } must "enum-value(.) > 5"; }
      leaf f { type bits { bit a; bit b; } must "bit-is-set(., 'a')"; }
      leaf s { type string; must "re-match(., '[a-z]{2}[0-9]+')"; }
    } }
    """,
    data: [
      ("<c xmlns='urn:m'><l><k>1</k></l><r>1</r><e>high</e><f>a b</f><s>ab12</s></c>", nil),
      ("<c xmlns='urn:m'><l><k>1</k><on>false</on></l><r>1</r></c>", .mustFailed),
      ("<c xmlns='urn:m'><e>low</e></c>", .mustFailed),
      ("<c xmlns='urn:m'><f>b</f></c>", .mustFailed), ("<c xmlns='urn:m'><s>abc</s></c>", .mustFailed),
    ]),
  CorpusCase(
    "identities in comparisons",
    """
    m { identity base; identity x { base base; } identity y { base base; }
      container c { leaf t { type identityref { base base; } } leaf a { type string; must "../t = 'm:x'"; } leaf b { type string; must "../t = 'x' or ../t = 'y'"; } } }
    """,
    data: [
      ("<c xmlns='urn:m'><t>x</t><a>1</a></c>", nil), ("<c xmlns='urn:m' xmlns:q='urn:m'><t>q:x</t><a>1</a><b>1</b></c>", nil),
      ("<c xmlns='urn:m'><t>y</t><a>1</a></c>", .mustFailed), ("<c xmlns='urn:m'><b>1</b></c>", .mustFailed),
    ]),
  CorpusCase(
    "grouping used in another module",
    "g { grouping g { leaf a { type string; } leaf b { type string; must \"../a\"; } leaf r { type leafref { path \"../a\"; } } } }",
    "m { import g { prefix g; } container c { uses g:g; } }",
    data: [
      ("<c xmlns='urn:m'><a>1</a><b>1</b><r>1</r></c>", nil), ("<c xmlns='urn:m'><b>1</b></c>", .mustFailed),
      ("<c xmlns='urn:m'><a>2</a><r>1</r></c>", .badKeyref),
    ]),
  CorpusCase(
    "siblings, positions and sums",
    """
    m { container c { list step { key n; ordered-by user; leaf n { type string; } leaf at { type uint32; }
        must "not(preceding-sibling::step[at >= current()/at])" { error-message "out of order"; } must "count(preceding-sibling::step) < 3"; }
      leaf total { type uint32; must ". = sum(../step/at)"; } } }
    """,
    data: [
      ("<c xmlns='urn:m'><step><n>b</n><at>1</at></step><step><n>a</n><at>2</at></step><total>3</total></c>", nil),
      ("<c xmlns='urn:m'><step><n>b</n><at>2</at></step><step><n>a</n><at>2</at></step></c>", .mustFailed),
      ("<c xmlns='urn:m'><step><n>b</n><at>1</at></step><total>3</total></c>", .mustFailed),
      (
        "<c xmlns='urn:m'><step><n>a</n></step><step><n>b</n></step><step><n>c</n></step><step><n>d</n></step></c>", .mustFailed
      ),
    ]),
]
