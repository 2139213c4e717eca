// Filled by the next change.
import Testing
