package main

import (
	"github.com/spf13/cobra"

	"entente/api"
)

func (a *app) openapiCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "openapi",
		Short: "Print the description of what a node answers beside TAXII",
		Long: `Prints the description of everything that a node answers beside TAXII, in the form
of OpenAPI 3.1, as JSON: /api/lookup, /healthz, /readyz, /metrics and the
description itself. It needs no node; a node answers it at /api/openapi.json.`,
		Example: `  entente openapi > entente.json`,
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := a.out.Write(api.OpenAPI())
			return err
		},
	}
}
