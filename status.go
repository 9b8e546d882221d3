package entente

// Status is the answer to a TAXII POST, kept so that its sender can ask for it again
// (TAXII 2.1 §4.3.1). Only the account that posted sees it.
type Status struct {
	ID        string // UUIDv4
	Account   string // the account's id
	Root      string // the API root that was posted to
	Requested int64  // microseconds since 1970
	Successes []StatusDetail
	Failures  []StatusDetail
	Pendings  []StatusDetail

	// Objects that are counted, and not in the lists: an envelope may hold very many.
	MoreSuccesses, MoreFailures int
}

// StatusDetail is the state of one posted object.
type StatusDetail struct {
	ID      string
	Version string
	Message string // "" for none
}
