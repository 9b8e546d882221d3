package entente

// LogKey is a key under which a log of another node signs its checkpoints, as a verifier key
// (C2SP signed-note). This node cosigns what such a log signs, as its witness.
type LogKey struct {
	Origin string // of the log
	Key    string // NAME+HASH+BASE64
	Added  int64  // microseconds since 1970
}

// PartnerKey is a key with which a partner acknowledges what it received, as a verifier key.
type PartnerKey struct {
	Organisation string // id
	Key          string // NAME+HASH+BASE64
	Added        int64  // microseconds since 1970
}

// Policy says which witnesses have to cosign the checkpoints of a log: those of home's main
// log, or of a partner's (C2SP tlog-policy).
type Policy struct {
	Organisation string // the partner's id, "" for the main log
	Text         []byte // nothing where no witness is asked
}

// Acknowledgement is a partner's word that it has its log up to a size, and so what was
// delivered to it by then.
type Acknowledgement struct {
	Log          int64 // number of the log in the store
	Epoch, Size  int64
	Organisation string
	Key          string // the partner's, as a verifier key
	Note         []byte // the checkpoint with the partner's signature
	At           int64  // microseconds since 1970
}

// WitnessLog has this node cosign the checkpoints of a log. Whoever gives the command has
// checked the key.
type WitnessLog struct{ Origin, Key string }

// DropWitnessLog ends that, for one key of a log.
type DropWitnessLog struct{ Key string }

// SetPolicy replaces the policy of a log. Whoever gives the command has checked its form.
type SetPolicy struct{ Policy }

// AddPartnerKey registers a key with which a partner acknowledges. Whoever gives the command
// has checked it.
type AddPartnerKey struct {
	Organisation string // id
	Key          string
}

// RemovePartnerKey forgets one. What it acknowledged stays acknowledged.
type RemovePartnerKey struct {
	Organisation string // id
	Key          string
}

// Acknowledge keeps a partner's acknowledgement. Whoever gives the command has checked that
// the checkpoint is one of the partner's own log and that the key has signed it.
type Acknowledge struct{ Acknowledgement }

func (WitnessLog) command()       {}
func (DropWitnessLog) command()   {}
func (SetPolicy) command()        {}
func (AddPartnerKey) command()    {}
func (RemovePartnerKey) command() {}
func (Acknowledge) command()      {}

// WitnessingChange is what commands about witnesses and acknowledgements want written.
type WitnessingChange struct {
	LogKey           *LogKey
	RemoveLogKey     string // the key
	Policy           *Policy
	PartnerKey       *PartnerKey
	RemovePartnerKey *PartnerKey
	Acknowledgement  *Acknowledgement
}

// decideWitnessing judges what an operator says about witnesses and keys.
func decideWitnessing(c Command, f Facts) (Change, error) {
	w := &WitnessingChange{}
	id := ""
	switch c := c.(type) {
	case WitnessLog:
		w.LogKey, id = &LogKey{Origin: c.Origin, Key: c.Key, Added: f.Now}, c.Key
	case DropWitnessLog:
		if !f.KeyKnown {
			return Change{}, Errorf(NotFound, "this node is no witness of a log with that key; \"entente ledger witness list\" shows those there are")
		}
		w.RemoveLogKey, id = c.Key, c.Key
	case SetPolicy:
		if c.Organisation != "" {
			if _, err := f.partner(c.Organisation); err != nil {
				return Change{}, err
			}
		}
		w.Policy = &c.Policy
	case AddPartnerKey:
		if _, err := f.partner(c.Organisation); err != nil {
			return Change{}, err
		}
		w.PartnerKey, id = &PartnerKey{Organisation: c.Organisation, Key: c.Key, Added: f.Now}, c.Key
	case RemovePartnerKey:
		if !f.KeyKnown {
			return Change{}, Errorf(NotFound, "the partner has no such key; \"entente partner key\" shows those it has")
		}
		w.RemovePartnerKey, id = &PartnerKey{Organisation: c.Organisation, Key: c.Key}, c.Key
	}
	return Change{Witnessing: w, Receipt: Receipt{ID: id}}, nil
}

// decideAcknowledge takes the word of a partner about its own log, by a key that was
// registered for it.
func decideAcknowledge(c Acknowledge, f Facts) (Change, error) {
	own := f.Actor.Account.Organisation
	switch {
	case f.Actor.Local || own == "" || own == f.Home.ID:
		return Change{}, Errorf(Forbidden, "only an account of a partner acknowledges, for the partner's own log")
	case c.Organisation != own || !f.KeyKnown:
		return Change{}, Errorf(Forbidden, "no key that is registered for your organisation has signed this checkpoint; ask the node's operator to register it")
	}
	to := c.Acknowledgement
	to.At = f.Now
	return Change{Witnessing: &WitnessingChange{Acknowledgement: &to}}, nil
}

// recordWitnessing has the rows of what operators say about witnesses and keys.
func recordWitnessing(c Command) Event {
	switch c := c.(type) {
	case WitnessLog:
		return Event{Kind: "witness-add", About: about("log", c.Origin), Text: c.Key}
	case DropWitnessLog:
		return Event{Kind: "witness-remove", Text: c.Key}
	case SetPolicy:
		return Event{Kind: "policy", About: about("partner", c.Organisation), Text: string(c.Text)}
	case AddPartnerKey:
		return Event{Kind: "partner-key-add", About: about("partner", c.Organisation), Text: c.Key}
	case RemovePartnerKey:
		return Event{Kind: "partner-key-remove", About: about("partner", c.Organisation), Text: c.Key}
	case Acknowledge:
		return Event{Kind: "acknowledge", Head: c.Size, Checkpoints: []string{string(c.Note)}}
	}
	return Event{}
}
