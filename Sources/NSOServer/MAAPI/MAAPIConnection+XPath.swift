import NIOCore
import NSOEngine
import NSOModel
import NSOWire

/// The nodes that an expression selected, on their way to the client: one item, then the client's answer of four bytes.
struct XPathExchange {
  let nodes: SelectedNodes
  var next = 0
}

/// XPath over a transaction (protocol part 04, section 5.3): the reply with the op word says that the expression is good, what
/// follows are bare terms.
extension MAAPIConnection {
  private struct Evaluation: Sendable {
    var trace: [String] = []
    var nodes: SelectedNodes?
    var text: String?
  }

  /// The longest trace that is kept for a client that wants one; what comes after it is left out.
  private static let traceLimit = 10_000

  /// Evaluates away from the event loop: an expression may read a lot.
  func evaluate(_ call: MAAPICall, _ request: XPathEvaluation, asText: Bool, _ op: UInt32) throws(NSOError) -> FrameOutcome {
    let use = try use(call)
    guard request.root == nil else {
      throw NSOError(.notImplemented, "XPath with a root of its own is not supported yet: use the context node")
    }
    guard request.leafListPosition == 0 else {
      throw NSOError(.notImplemented, "XPath with a position in a leaf-list as context is not supported yet")
    }
    let context = Keypath(try use.locate(request.context, call.isRelative), use.model)
    let query = XPathQuery(
      request.expression, context: context, variables: request.variables.map { ($0.name.text, $0.expression.text) })
    let view = try use.view()
    let wantsTrace = request.wantsTrace
    let later = connection.later { (result: Result<Evaluation, NSOError>, out) in
      switch result {
      case .failure(let error): out.writeFailure(op: op, error)
      case .success(let evaluation): return self.answer(evaluation, op, &out)
      }
      return .done
    }
    services.offload(to: later) { () throws(NSOError) in
      var evaluation = Evaluation()
      var trace: [String] = []
      let note: ((String) -> Void)? =
        wantsTrace ? { text in if trace.count < Self.traceLimit { trace.append(text) } } : nil
      if asText {
        evaluation.text = try view.string(query, trace: note)
      } else {
        evaluation.nodes = try view.select(query, trace: note)
      }
      evaluation.trace = trace
      return evaluation
    }
    return .later
  }

  private func answer(_ evaluation: Evaluation, _ op: UInt32, _ out: inout ByteBuffer) -> FrameOutcome {
    out.writeDone(op)
    for text in evaluation.trace { out.writeFrame { XPathItem.trace(text).write(into: &$0) } }
    if let text = evaluation.text {
      out.writeFrame { XPathItem.result(text).write(into: &$0) }
    } else if let nodes = evaluation.nodes {
      return sendNode(of: XPathExchange(nodes: nodes), &out)
    }
    return .done
  }

  private func sendNode(of exchange: XPathExchange, _ out: inout ByteBuffer) -> FrameOutcome {
    guard exchange.next < exchange.nodes.count else {
      xpath = nil
      out.writeFrame { XPathItem.end.write(into: &$0) }
      return .done
    }
    let nodes = exchange.nodes
    let index = exchange.next
    // Only data providers may have to be waited for.
    guard nodes.model.hasProviders else {
      send(Result(running: { () throws(NSOError) in try Self.item(nodes, index) }), of: exchange, &out)
      return .done
    }
    let later = connection.later { (result: Result<XPathItem, NSOError>, out) in
      self.send(result, of: exchange, &out)
      return .done
    }
    services.offload(to: later) { () throws(NSOError) in try Self.item(nodes, index) }
    return .later
  }

  private static func item(_ nodes: SelectedNodes, _ index: Int) throws(NSOError) -> XPathItem {
    let place = try nodes.location(index)
    return .node(Keypath(place, nodes.model), try nodes.value(index, at: place))
  }

  private func send(_ item: Result<XPathItem, NSOError>, of exchange: XPathExchange, _ out: inout ByteBuffer) {
    switch item {
    case .success(let item):
      xpath = XPathExchange(nodes: exchange.nodes, next: exchange.next + 1)
      out.writeFrame { item.write(into: &$0) }
    case .failure(let error):
      xpath = nil
      out.writeFrame { XPathItem.failure(error.message).write(into: &$0) }
    }
  }

  /// The client's answer to a node.
  func continueXPath(_ exchange: XPathExchange, _ frame: ByteBuffer, _ out: inout ByteBuffer) -> FrameOutcome {
    switch IterationAnswer(frame) {
    case nil:
      return .close(
        .badFrame(
          "a frame of \(frame.readableBytes) bytes where the answer to an XPath node, 3 to go on or 1 to stop in four bytes, is wanted"
        ))
    case .stop: xpath = nil
    case .suspend: break
    case .recurse, .continue, .up: return sendNode(of: exchange, &out)
    }
    return .done
  }
}
