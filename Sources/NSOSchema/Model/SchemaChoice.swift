public import NSOModel

/// A choice with its cases. The nodes of the cases are children of the node that holds the outermost choice.
public struct SchemaChoice: Sendable {
  public struct Case: Sendable {
    public let name: QName
    /// The nodes and further choices directly in the case, in schema order.
    public let members: [SchemaNode.Member]
    public let extensions: [ExtensionStatement]
  }

  public let id: ChoiceID
  public let name: QName
  public let module: ModuleID
  /// The node that holds the choice; nil at the top of a module.
  public let parent: NodeID?
  /// The case that holds this choice, when it is nested.
  public let caseReference: CaseReference?
  public let cases: [Case]
  /// The place of the default case in `cases`.
  public let defaultCase: Int?
  public let isMandatory: Bool
  public let isConfig: Bool
  public let extensions: [ExtensionStatement]
}
