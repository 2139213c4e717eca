import NSOModel
import NSOWire

/// Why a connection was not, or no longer, served. The text says what happened, where in the protocol, and what to do;
/// the log line around it says who.
enum Refusal: Sendable, Equatable, CustomStringConvertible {
  // Connecting.
  case helloInsteadOfAccessAnswer
  case accessAnswerMalformed(UInt8)
  case wrongSecret
  case accessAnswerLate(arrived: Int)
  case helloLate(arrived: Int)
  case unknownClient(UInt8)
  case version(UInt16, ClientID, accepted: ClosedRange<UInt16>)
  /// - Parameter unasked: in the hello, without an access check before it.
  case closedByPeer(during: Handshake.Step, arrived: Int, unasked: Bool)
  case tooManyUnfinished(limit: Int)
  case localPeer(reason: String)
  case stopping
  // Later.
  case emptyFrame
  case shortFrame(Int)
  case frameTooLong(Int, limit: Int)
  /// A frame that does not follow the protocol; the text says which and how.
  case badFrame(String)
  /// The first frame of the API did not come in time.
  case firstFrameLate(String)
  /// The client did not do its part in time; the text says what.
  case givenUp(String)
  /// The API has nothing more to say on this connection.
  case notServed(String)
  case inputOutput(String)

  /// The kind of log record, where the protocol names one (part 06, section 9).
  var symbol: LogSymbol? {
    switch self {
    case .helloInsteadOfAccessAnswer, .accessAnswerMalformed, .wrongSecret, .accessAnswerLate: .noLibraryAccess
    case .version: .badLibraryVersion
    case .localPeer: .localAccessDenied
    default: nil
    }
  }

  /// Part 01, section 3 and 4 in words.
  var description: String {
    switch self {
    case .helloInsteadOfAccessAnswer:
      "the client sent a hello although the access check is on: set NCS_IPC_ACCESS_FILE for the client to a copy of the daemon's secret file"
    case .accessAnswerMalformed(let byte):
      "the answer to the access check begins with byte \(byte) where 12 is wanted: the peer speaks another protocol"
    case .wrongSecret:
      "the client holds another secret: compare its NCS_IPC_ACCESS_FILE with ncs-ipc-access-check/filename byte by byte; a final newline counts"
    case .accessAnswerLate(let arrived):
      "the answer to the access check did not come in time, \(arrived) of 17 bytes: the client is stuck, or speaks another protocol"
    case .helloLate(let arrived):
      arrived == 0
        ? "no hello came in time: the client is stuck, or it waits for an access check that this daemon does not ask for (unset NCS_IPC_ACCESS_FILE for the client, or enable ncs-ipc-access-check)"
        : "the hello did not come in time, \(arrived) of \(ClientHello.length) bytes: the client is stuck, or speaks another protocol"
    case .unknownClient(let byte):
      "the hello names API \(byte), known are 3, 5, 7, 8, 11 and 17: the peer is no NSO client, or speaks another protocol"
    case .version(let version, let client, let accepted):
      "the \(client) client speaks protocol version \(version), accepted are \(accepted.lowerBound) to \(accepted.upperBound): use a client library of such a version"
    case .closedByPeer(let step, let arrived, let unasked):
      "the peer closed during the \(step) after \(arrived) bytes of it"
        + (unasked && arrived == 0
          ? ": it only looked whether somebody listens, or it gave up waiting for an access check that this daemon does not ask for (unset NCS_IPC_ACCESS_FILE for the client, or enable ncs-ipc-access-check)"
          : "")
    case .tooManyUnfinished(let limit):
      "more than \(limit) connections had not finished connecting and this one was the oldest: look for clients that connect and say nothing"
    case .localPeer(let reason): reason
    case .stopping: "the daemon is stopping"
    case .emptyFrame: "a frame of zero bytes: the client breaks the protocol"
    case .shortFrame(let length):
      "a frame of \(length) bytes where an operation number of 4 is wanted: the client breaks the protocol"
    case .frameTooLong(let length, let limit):
      "a frame of \(length) bytes, accepted are at most \(limit): split the request, or the peer speaks another protocol"
    case .badFrame(let text): text
    case .firstFrameLate(let text): text
    case .givenUp(let text): text
    case .notServed(let text): text
    case .inputOutput(let text): "reading or writing failed: \(text)"
    }
  }
}
