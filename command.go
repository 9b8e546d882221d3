package entente

// Command is a change that somebody asks for. The set is closed: the types of this
// file. Whatever comes in, from a form, a request, a file or a subcommand, becomes one
// of them and goes through the node's one door.
type Command interface{ command() }

// Why is what a person says of a decision that demands no words; "" is none.
type Why struct{ Reason string }

func (w Why) why() string { return w.Reason }

// said checks what comes with a command whatever it is: the reference of its case, and words
// that it does not demand.
func said(c Command, a Actor) error {
	if a.Case != "" {
		if err := CheckCase(a.Case); err != nil {
			return err
		}
	}
	if w, ok := c.(interface{ why() string }); ok {
		return checkText("reason", w.why(), maxDescription)
	}
	return nil
}

// Establish makes the node's home: its organisation and its first API root. It comes
// once, before everything else.
type Establish struct {
	Organisation string // home's name
	Root         Root
	Settings     []Setting
}

// Setting is a value that the node keeps under a name, a secret of its own for instance.
type Setting struct {
	Name  string
	Value []byte
}

// PutStatus keeps the answer to a POST for whoever sent it.
type PutStatus struct{ Status Status }

// Submit puts versions into a collection. A batch may hold some thousand versions.
type Submit struct {
	Collection string // id
	Versions   []*Version
	// Undelete brings back versions that this source had deleted from the collection. It is
	// for home alone.
	Undelete bool
	// Through is the id of the agreement through which they come; their source is then the
	// partner that the actor belongs to. "" is for what home submits.
	Through string
}

// DeleteObject takes an object, or some of its versions, out of a collection (TAXII 2.1 §5.7).
type DeleteObject struct {
	Collection string // id
	Object     ObjectID
	Versions   VersionFilter
	Specs      []Spec
	// Through is the id of the agreement through whose feed a partner deletes what it
	// submitted, "" for home.
	Through string
}

// AddCollection makes a collection.
type AddCollection struct {
	Name, Alias, Description string
	Root                     string // "" for the default root
}

// EditCollection changes the fields that are not nil.
type EditCollection struct {
	Collection               string // id
	Name, Alias, Description *string
}

// RemoveCollection takes a collection and its submissions away for good.
type RemoveCollection struct {
	Collection string // id
	// EvenIfFull confirms that what the collection holds may go with it.
	EvenIfFull bool
}

// AddAccount makes an account. PasswordHash is in PHC form, "" for none.
type AddAccount struct {
	Name         string
	Organisation string // id of a partner, whose accounts are services; "" for home
	Service      bool
	Roles        []Role // that it holds from now on without an end
	PasswordHash string
}

// SetPassword replaces an account's password; "" takes it away.
type SetPassword struct {
	Account      string // id
	PasswordHash string
}

// AddToken gives an account a bearer token. The secret itself never reaches a command.
type AddToken struct {
	Account string // id
	Hash    [32]byte
	Note    string
	Expires int64 // microseconds since 1970, 0 for never
}

// RemoveToken takes a token back.
type RemoveToken struct {
	Token string // id
}

// DisableAccount shuts an account out, or lets it in again.
type DisableAccount struct {
	Account string // id
	Enable  bool
}

// SetGrant says what an account may do with a collection.
type SetGrant struct {
	Account    string // id
	Collection string // id
	Read       bool
	Write      bool
}

func (Establish) command()        {}
func (PutStatus) command()        {}
func (Submit) command()           {}
func (DeleteObject) command()     {}
func (AddCollection) command()    {}
func (EditCollection) command()   {}
func (RemoveCollection) command() {}
func (AddAccount) command()       {}
func (SetPassword) command()      {}
func (AddToken) command()         {}
func (RemoveToken) command()      {}
func (DisableAccount) command()   {}
func (SetGrant) command()         {}

// Outcome is what became of one submitted version.
type Outcome uint8

// The outcomes of a submission.
const (
	Added     Outcome = iota // it is a new line of the accept log
	Unchanged                // this source had submitted these contents before
	Contested                // added, but other contents hold the same id and version; those stay current
	Deleted                  // not added: this source deleted the version from the collection earlier
	Erased                   // not added: home erased these contents. Only home is told
)

// String names the outcome in one lower-case word.
func (o Outcome) String() string {
	return [...]string{"added", "unchanged", "contested", "deleted", "erased"}[o]
}

// Result is the outcome for one version of a [Submit].
type Result struct {
	ID      ObjectID
	Version string // the version as TAXII names it
	Digest  Digest
	Outcome Outcome
	Current Digest // where contested: the contents that stay current
	// Breaches tell how the version breaks the rules of versioning, beside the others that
	// the collection holds of its object. They never refuse it.
	Breaches []Finding
}

// Receipt is what a command led to.
type Receipt struct {
	ID      string   // the id of what was made: a collection, an account, a token
	Mandate Mandate  // that a decision for the organisation rests on
	Results []Result // of a Submit, in the order of its versions
	Deleted int      // versions that a DeleteObject took out
	// Waits tells that nothing was done but to ask: a second person does it. See [Removal].
	Waits bool
}
