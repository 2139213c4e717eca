import NIOCore
import Testing

@testable import NSOServer

@Suite struct FrameReaderTests {
  private func framed(_ payload: [UInt8]) -> [UInt8] {
    let count = UInt32(payload.count)
    return [UInt8(count >> 24), UInt8(count >> 16 & 255), UInt8(count >> 8 & 255), UInt8(count & 255)] + payload
  }

  @Test func `frames come out whole, and every prefix is incomplete`() {
    let reader = FrameReader(limit: 1000)
    let payloads: [[UInt8]] = [[1], [], Array(0..<200), [9, 9]]
    let stream = payloads.flatMap(framed)
    for cut in 0...stream.count {
      var buffer = ByteBuffer(bytes: stream.prefix(cut))
      var found: [[UInt8]] = []
      loop: while true {
        switch reader.next(&buffer) {
        case .frame(let frame): found.append(Array(frame.readableBytesView))
        case .incomplete(let missing):
          #expect(missing > 0)
          break loop
        case .tooLong: Issue.record("no frame is too long here")
        }
      }
      #expect(found == Array(payloads.prefix(found.count)))
      buffer.writeBytes(stream.dropFirst(cut))
      while case .frame(let frame) = reader.next(&buffer) { found.append(Array(frame.readableBytesView)) }
      #expect(found == payloads)
    }
  }

  @Test func `a length beyond the limit is refused before its bytes come`() {
    let reader = FrameReader(limit: 10)
    var buffer = ByteBuffer(bytes: framed([UInt8](repeating: 1, count: 10)))
    #expect(reader.next(&buffer) == .frame(ByteBuffer(bytes: [UInt8](repeating: 1, count: 10))))
    var big = ByteBuffer(bytes: [0, 0, 0, 11])
    #expect(reader.next(&big) == .tooLong(11))
    var huge = ByteBuffer(bytes: [0xFF, 0xFF, 0xFF, 0xFF])
    #expect(reader.next(&huge) == .tooLong(.max))
  }
}

@Suite struct RequestFlowTests {
  @Test func `one thing at a time`() {
    var flow = RequestFlow()
    #expect(flow.mayTakeFrame)
    let ticket = flow.makeTicket()
    flow.wait()
    #expect(!flow.mayTakeFrame)
    #expect(flow.isBusy)
    let answered = flow.answered(ticket)
    #expect(answered)
    #expect(flow.mayTakeFrame)
    // The second answer to the same request finds nobody.
    let again = flow.answered(ticket)
    #expect(!again)
  }

  @Test func `an answer to an earlier request is dropped`() {
    var flow = RequestFlow()
    let first = flow.makeTicket()
    let second = flow.makeTicket()
    flow.wait()
    let old = flow.answered(first)
    #expect(!old)
    #expect(!flow.mayTakeFrame)
    let new = flow.answered(second)
    #expect(new)
  }

  @Test func `stopping waits for what is under way, and takes nothing new`() {
    var idle = RequestFlow()
    #expect(idle.quiesce() == .closeNow)

    var busy = RequestFlow()
    let ticket = busy.makeTicket()
    busy.wait()
    #expect(busy.quiesce() == .closeLater)
    #expect(!busy.shouldCloseNow)
    _ = busy.answered(ticket)
    #expect(busy.shouldCloseNow)
    #expect(!busy.mayTakeFrame)

    var sending = RequestFlow()
    sending.beginSending()
    #expect(sending.quiesce() == .closeLater)
    sending.endSending()
    #expect(sending.shouldCloseNow)

    var stopper = RequestFlow()
    _ = stopper.makeTicket()
    stopper.wait(untilStop: true)
    #expect(stopper.quiesce() == .stay)
  }

  @Test func `after the end nothing is waited for`() {
    var flow = RequestFlow()
    let ticket = flow.makeTicket()
    flow.wait()
    flow.close()
    let answered = flow.answered(ticket)
    #expect(!answered)
    flow.beginSending()
    #expect(flow.state == .closed)
  }
}

@Suite struct AdmissionQueueTests {
  @Test func `the oldest unfinished one goes when one too many comes`() {
    var queue = AdmissionQueue(limit: 3)
    for id in UInt64(1)...3 { #expect(queue.admit(id) == nil) }
    #expect(queue.admit(4) == 1)
    queue.finish(2)
    #expect(queue.admit(5) == nil)
    #expect(queue.admit(6) == 3)
    #expect(queue.count == 3)
  }

  @Test func `many that come and go leave nothing behind`() {
    var queue = AdmissionQueue(limit: 8)
    #expect(queue.admit(0) == nil)
    for id in UInt64(1)...10_000 {
      #expect(queue.admit(id) == nil)
      queue.finish(id)
    }
    #expect(queue.count == 1)
    queue.finish(0)
    #expect(queue.count == 0)
  }
}
