package main

import "github.com/spf13/cobra"

func (a *app) ledgerCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "ledger",
		Short: "The tamper-evident record of what was decided and disclosed",
	}
	cmd.AddCommand(a.ledgerKeyCmds()...)
	cmd.AddCommand(a.ledgerExport(), a.ledgerVerify(), a.ledgerShow(), a.ledgerTail(), a.ledgerProve(), a.ledgerStats())
	cmd.AddCommand(a.ledgerWitnessCmd(), a.ledgerPolicyCmd(), a.ledgerReceiptCmd())
	return cmd
}
