import NIOCore
import Testing

@testable import NSOServer

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
  private func at(_ milliseconds: Int64) -> NIODeadline { .uptimeNanoseconds(1_000_000_000) + .milliseconds(milliseconds) }

  @Test func `the oldest unfinished one goes when one too many comes`() {
    var queue = AdmissionQueue(limit: 3)
    for id in UInt64(1)...3 { #expect(queue.admit(id, now: at(0)) == nil) }
    #expect(queue.admit(4, now: at(1000)) == 1)
    queue.finish(2)
    #expect(queue.admit(5, now: at(1000)) == nil)
    #expect(queue.admit(6, now: at(1000)) == 3)
    #expect(queue.count == 3)
  }

  @Test func `those that came a moment ago are spared, up to a limit`() {
    var queue = AdmissionQueue(limit: 3)
    for id in UInt64(1)...24 { #expect(queue.admit(id, now: at(999)) == nil) }
    #expect(queue.admit(25, now: at(999)) == 1)
    #expect(queue.count == 24)
    // Time is up for all of them: one goes for each that comes.
    for id in UInt64(26)...48 { #expect(queue.admit(id, now: at(1999)) == id - 24) }
  }

  @Test func `many that come and go leave nothing behind`() {
    var queue = AdmissionQueue(limit: 8)
    #expect(queue.admit(0, now: at(0)) == nil)
    for id in UInt64(1)...10_000 {
      #expect(queue.admit(id, now: at(Int64(id))) == nil)
      queue.finish(id)
    }
    #expect(queue.count == 1)
    queue.finish(0)
    #expect(queue.count == 0)
  }
}
