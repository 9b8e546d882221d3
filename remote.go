package entente

// Remote is a collection on somebody else's TAXII server that home pulls from, into a
// collection of its own, or pushes one of its own to.
//
// What is pulled is a submission of home: an operator chose the server and answers for
// it. Once a remote can belong to a partner, its submissions are that partner's.
type Remote struct {
	ID         string // UUIDv4
	Name       string // unique among remotes
	Direction  Direction
	Collection string // id of home's collection

	Root  string // absolute URL of the API root
	There string // id of the collection on the server
	Title string // what the server calls it

	Access  RemoteAccess
	Match   []MatchField // what is asked for, in the order of the fields
	Since   int64        // the first pull takes what was added after; microseconds since 1970, 0 for all
	Every   int64        // how often, in microseconds; 0 for when somebody asks
	Created int64        // microseconds since 1970

	Progress Progress
}

// Direction says which way a remote moves objects.
type Direction uint8

// The directions of a [Remote].
const (
	Pulls Direction = iota
	Pushes
)

// String is "pull" or "push".
func (d Direction) String() string { return [...]string{"pull", "push"}[d] }

// RemoteAccess is how a remote's server is reached and trusted. It holds secrets. Files
// are in PEM.
type RemoteAccess struct {
	User, Password     string // HTTP Basic, "" for none
	Token, TokenScheme string // "" for none; the scheme is "Bearer" where it is ""
	CA                 []byte // nil for the system's authorities
	Fingerprint        string // SHA-256 of certificate or public key, "" for none
	Certificate, Key   []byte // of the client, nil for none
	AllowHTTP          bool
}

// MatchField is one match field of TAXII with its value, as type and "indicator,malware".
type MatchField struct{ Field, Value string }

// Progress is how far a remote has come, and how its last run went.
type Progress struct {
	// Taken is the latest date added on the server up to which everything was pulled, in
	// microseconds since 1970; 0 where nothing was, or the server tells no dates.
	Taken int64
	// Open is a pull that has not come to its end, nil if there is none.
	Open *OpenPull
	// Sent is the position in the home feed up to which everything was pushed.
	Sent int64

	Began int64  // when the last run began, microseconds since 1970; 0 for never
	Ended int64  // when it ended, 0 while it runs or if it was cut off
	Error string // why it ended early, "" if it did not

	Read, Added, Unchanged, Contested, Refused int // of the last run

	Remarks  []string        // what was odd about the server in the last run
	Refusals []RemoteRefusal // of the last run, at most [MaxRefusals]
}

// OpenPull is where a pull stands between two of its pages. What it needs is stored once
// everything before it is durable.
type OpenPull struct {
	From    int64  // what was added after is this pull's; microseconds since 1970
	Base    int64  // where to begin again if the cursor is lost
	After   int64  // the added_after of the next request
	Next    string // its cursor, "" for none
	Newest  int64  // the latest date added that was heard of
	Check   bool   // whether the manifest must show at the end that nothing is missing
	Doubt   bool   // something may be missing, unless the manifest shows the contrary
	Undated bool   // pages came without their dates
}

// RemoteRefusal is an object that was refused: one of the server's by home, or one of
// home's by the server.
type RemoteRefusal struct{ ID, Version, Reason string }

// MaxRefusals is how many refusals of a run are remembered; the rest is only counted.
const MaxRefusals = 100

// MinEvery is the shortest time between two runs of a remote, in microseconds.
const MinEvery = 1_000_000

// AddRemote keeps a remote. Its ID, Created and Progress are made here.
type AddRemote struct{ Remote Remote }

// RemoveRemote forgets a remote, its secrets included. What it moved stays.
type RemoveRemote struct {
	Remote string // id
}

// PutProgress keeps how far a remote has come.
type PutProgress struct {
	Remote   string // id
	Progress Progress
}

func (AddRemote) command()    {}
func (RemoveRemote) command() {}
func (PutProgress) command()  {}

func decideAddRemote(c AddRemote, f Facts) (Change, error) {
	to := c.Remote
	if err := CheckName("remote", to.Name); err != nil {
		return Change{}, err
	}
	switch {
	case f.NameTaken:
		return Change{}, Errorf(Conflict, "there is already a pull or push named %q", to.Name)
	case f.Collection == nil:
		return Change{}, Errorf(NotFound, "there is no such collection")
	case to.Root == "" || to.There == "":
		return Change{}, Errorf(Invalid, "it is not said which collection of which server is meant")
	case to.Every != 0 && to.Every < MinEvery:
		return Change{}, Errorf(Invalid, "a second is the shortest time between two runs")
	}
	to.ID, to.Created, to.Progress = f.NewID, f.Now, Progress{}
	return Change{Remote: &to, Receipt: Receipt{ID: to.ID}}, nil
}

func decideRemoveRemote(_ RemoveRemote, f Facts) (Change, error) {
	if f.Remote == nil {
		return Change{}, Errorf(NotFound, "there is no such pull or push")
	}
	return Change{RemoveRemote: f.Remote.ID, Receipt: Receipt{ID: f.Remote.ID}}, nil
}

func decidePutProgress(c PutProgress, f Facts) (Change, error) {
	if f.Remote == nil {
		return Change{}, Errorf(NotFound, "this pull or push was removed")
	}
	to := *f.Remote
	to.Progress = c.Progress
	to.Progress.Refusals = to.Progress.Refusals[:min(len(to.Progress.Refusals), MaxRefusals)]
	return Change{Remote: &to, Receipt: Receipt{ID: to.ID}}, nil
}
