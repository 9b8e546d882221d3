package entente

// Stop is a block on a partner: it reads and posts nothing from the next request on. It is
// placed by one person, ratified by a second within [RatifyWithin], and lifted by two.
type Stop struct {
	ID           string // UUID
	Organisation string // id of the partner
	Reason       string
	Basis        string // the legal basis
	By           string // id of the account that placed it
	At           int64  // microseconds since 1970
	RatifiedBy   string // id, "" while nobody did
	Ratified     int64
	Review       int64  // when it is to be looked at again, 0 for no date; it never lifts the stop
	LiftBy       string // id of the first account that wants it lifted
	LiftAsked    int64
	LiftReason   string
	LiftedBy     string // id of the second
	Lifted       int64  // 0 while it stands
}

// RatifyWithin is how long a stop may stand unratified before the reviewer is alarmed, in
// microseconds. It stays all the same.
const RatifyWithin = 24 * 3600 * 1_000_000

// Mandate is a role that an account holds for a time.
type Mandate struct {
	Role  Role
	From  int64  // microseconds since 1970
	Until int64  // microseconds since 1970, 0 for no end
	By    string // id of the account that gave it, "" for the node's owner
}

// Holds tells whether the mandate holds at a moment.
func (m Mandate) Holds(at int64) bool { return m.From <= at && (m.Until == 0 || at < m.Until) }

// Interest is a conflict that an account declared: it is recused from decisions about the
// organisation or agreement.
type Interest struct {
	Account  string // id
	About    string // id of an organisation or an agreement
	Reason   string
	Declared int64 // microseconds since 1970
	Ended    int64 // 0 while it stands
}
