package entente

// RotateLedgerKey gives the ledger a new key. The key before signs it, and an event of the
// kind "key" stands at the index from which on the new one signs.
type RotateLedgerKey struct{ Reason string }

// RenewLedger declares a discontinuity: what the ledger has is left as it is, and a new epoch
// begins, with a key of its own. Its first event tells the cause and the last checkpoints that
// survived.
type RenewLedger struct {
	Cause string
	// LostKey tells that the key before is lost, or not to be trusted: it signs nothing more.
	LostKey bool
}

func (RotateLedgerKey) command() {}
func (RenewLedger) command()     {}

// LedgerFacts are how far the ledger is.
type LedgerFacts struct {
	Epoch int64 // 0 before there is one
	Size  int64 // of the main log of that epoch
}

func decideRotateLedgerKey(c RotateLedgerKey, f Facts) (Change, error) {
	if err := requireText("reason", c.Reason, maxDescription); err != nil {
		return Change{}, err
	}
	if f.Ledger.Size == 0 {
		return Change{}, Errorf(Conflict, "the key of the ledger has signed nothing yet; there is no need for another one")
	}
	return Change{}, nil
}

func decideRenewLedger(c RenewLedger, f Facts) (Change, error) {
	if err := requireText("cause", c.Cause, maxDescription); err != nil {
		return Change{}, err
	}
	if f.Ledger.Size == 0 {
		return Change{}, Errorf(Conflict, "the ledger has no entry yet that a new epoch could follow")
	}
	return Change{}, nil
}
