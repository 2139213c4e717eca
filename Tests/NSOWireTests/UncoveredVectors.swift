/// Vectors that do not pass, each with its reason. The test fails when one of them passes, and when another one does not.
enum UncoveredVectors {
  static let reasons: [String: String] = [
    // Read as the vector says; what we send is another of the forms that clients take.
    "maapi/list_rollbacks/2": "the 5-tuple without label and comment is read; we send 7",
    "maapi/exists/3": "'true' is read as 1; we send 1",
    "maapi/get_elem/datetime-notz": "a zone of [] and [] is read; we send [] and 0, like the value vectors",
    "maapi/get_elem/time": "a zone of [] and [] is read; we send [] and 0, like the value vectors",
    "schema/load/ns_arities": "namespaces of 4, 5 and 7 elements are read; we send 6",
    "schema/load/facets": "a namespace of 4 elements is read; we send 6",
    "dp/set_elem/extra_args": "more arguments of a callback are ignored; we send none",
    // What a daemon must not send; our client is kinder than the reference client.
    "cdb/error/reason-no-nul": "a message without NUL keeps its last character",
    "transport/error/message_without_nul": "a message without NUL keeps its last character",
    "maapi/error/5": "a message without NUL keeps its last character",
    "cdb/negative/empty-reason": "an empty reason is read as no message",
    "transport/error/message_empty_binary": "an empty reason is read as no message",
    "maapi/error/6": "an empty reason is read as no message",
    "cdb/negative/exists-bool": "'true' is read as 1",
    "transport/error/trailing_bytes": "bytes after the term are ignored; we send none",
    "events/heartbeat/2": "elements after the first are ignored; we send none",
    "schema/error/node_16_elements": "more elements of a node are ignored",
    "schema/error/unknown_facet": "a facet that is not known restricts nothing",
    "schema/facet/f_enumlist/1": "labels of enumerations may be characters",
    "schema/facet/f_bitsbin/1": "labels of bits may be binaries",
    // What a daemon must not send; refused, as by the reference client.
    "dp/unhandled/uinfo_9_tuple": "a user of nine elements",
    "transport/error/unexpected_op": "a reply to another op",
    "transport/error/empty_frame": "no op word",
    "transport/error/truncated_error": "no error code",
    "transport/error/apptag_triple": "a reason of three",
    "transport/error/not_a_term": "no term where one is due",
    "cdb/negative/wrong-op": "a reply to another op",
    "maapi/error/7": "a reply to another op",
    "cdb/negative/bare-get": "no value where one is due",
    "cdb/negative/session-term": "a value where none is due",
    "cdb/negative/name-acknowledged": "an answer to the client name",
    "cdb/negative/return-after-stop": "an item after stop, taken for the next reply",
    // The protocol description overrules its vector.
    "transport/access/ok_empty_file": "an empty secret is an error on both sides (part 01, section 3)",
  ]
}
