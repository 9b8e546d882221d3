// Package ledger makes a tamper-evident log of events, and verifies one with nothing but
// its files: the tree of RFC 6962 in tiles, signed checkpoints, proofs, cosignatures of
// witnesses, and the export that a third party checks. The formats are those of C2SP
// (tlog-tiles, tlog-checkpoint, tlog-cosignature, tlog-witness, tlog-proof, tlog-policy),
// so public tools read them too. It knows no database, no node and no clock.
package ledger
