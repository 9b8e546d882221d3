package node

import (
	"context"
	"io"

	"entente"
	"entente/store"
)

// Backup writes all that the node holds to w, as it is at one moment, while others read
// and write. What is written holds secrets: hashes of passwords and tokens, and the key of
// page cursors. Progress is told how many rows of how many are done; it may be nil.
func (n *Node) Backup(ctx context.Context, a entente.Actor, w io.Writer, progress func(done, total int64)) (store.BackupInfo, error) {
	if !a.IsOperator() {
		return store.BackupInfo{}, entente.Errorf(entente.Forbidden, "only an operator of this node may do that")
	}
	// What waits to be entered is in no backup where it lies in the inbox. A ledger that takes
	// nothing, as the disk is full or it does not fit, is no reason to have no backup.
	if err := n.CatchUpLedger(ctx); err != nil {
		if ctx.Err() != nil {
			return store.BackupInfo{}, err
		}
		n.log.Warn("what waits to be entered into the ledger is not in the backup", "error", err)
	}
	return n.st.Backup(ctx, w, n.now(), progress)
}

// Restore reads a backup of size bytes into a database that holds nothing yet; it is then
// opened as any other. On an error nothing is there. Progress is told how many bytes of
// how many are done; it may be nil.
func Restore(ctx context.Context, o store.Options, in io.ReaderAt, size int64, progress func(done, total int64)) (store.BackupInfo, error) {
	return store.Restore(ctx, o, in, size, store.RestoreOptions{Progress: progress})
}
