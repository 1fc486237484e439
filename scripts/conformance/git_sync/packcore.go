// Runs packcore in the place of git-sync's own engine: what its tests call starts `packcore … --json`.
//
// The runner lays this file into git-sync's package internal/syncer by go's -overlay, after it has renamed the
// functions of the same names there. PACKCORE_COMMAND is the program to start.

package syncer

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"github.com/go-git/go-git/v6/plumbing"

	"entire.io/entire/git-sync/internal/gitproto"
)

type answer struct {
	Plans []struct {
		Branch, SourceRef, TargetRef, SourceHash, TargetHash string
		Kind                                                 RefKind
		Action                                               Action
		Reason                                               string
	}
	Pushed, Skipped, Blocked, Deleted, Warned int
	DryRun                                    bool
	OperationMode                             string
	Relay                                     bool
	RelayMode, RelayReason                    string
	Batching                                  bool
	BatchCount, PlannedBatchCount             int
	TempRefs                                  []string
	BootstrapSuggested                        bool
	SourceHead                                string
	Stats                                     Stats
	Measurement                               Measurement
	Protocol                                  string

	// Of probe and fetch.
	SourceURL, TargetURL, RequestedMode    string
	RefPrefixes                            []string
	SourceCapabilities, TargetCapabilities []string
	Refs, Wants                            []struct{ Name, Hash string }
	Haves                                  []string
	FetchedObjects                         int

	Error *struct{ Message, Hint string }
}

// Run syncs or replicates.
func Run(ctx context.Context, cfg Config) (Result, error) {
	command := "sync"
	if cfg.Mode == modeReplicate {
		command = "replicate"
	}
	return synced(ctx, command, cfg)
}

// Bootstrap seeds an empty target.
func Bootstrap(ctx context.Context, cfg Config) (Result, error) {
	return synced(ctx, "bootstrap", cfg)
}

// Probe lists refs and capabilities.
func Probe(ctx context.Context, cfg Config) (ProbeResult, error) {
	arguments := append([]string{"probe", cfg.Source.URL}, targetOf(cfg)...)
	found, err := start(ctx, append(arguments, options(cfg)...))
	return ProbeResult{
		SourceURL: found.SourceURL, TargetURL: found.TargetURL, RequestedMode: found.RequestedMode,
		Protocol: found.Protocol, RefPrefixes: found.RefPrefixes, Capabilities: found.SourceCapabilities,
		TargetCaps: found.TargetCapabilities, Refs: refs(found.Refs),
		SourceHEAD: plumbing.ReferenceName(found.SourceHead), Stats: found.Stats, Measurement: found.Measurement,
	}, err
}

// Fetch fetches from the source, and leaves out what the haves reach.
func Fetch(ctx context.Context, cfg Config, haveRefs []string, haveHashes []plumbing.Hash) (FetchResult, error) {
	arguments := []string{"fetch", cfg.Source.URL}
	for _, name := range haveRefs {
		arguments = append(arguments, "--have", name)
	}
	for _, hash := range haveHashes {
		arguments = append(arguments, "--have", hash.String())
	}
	found, err := start(ctx, append(arguments, options(cfg)...))
	result := FetchResult{
		SourceURL: found.SourceURL, RequestedMode: found.RequestedMode, Protocol: found.Protocol,
		Wants: refs(found.Wants), FetchedObjects: found.FetchedObjects, Stats: found.Stats,
		Measurement: found.Measurement,
	}
	for _, have := range found.Haves {
		result.Haves = append(result.Haves, plumbing.NewHash(have))
	}
	return result, err
}

func synced(ctx context.Context, command string, cfg Config) (Result, error) {
	arguments := append([]string{command, cfg.Source.URL}, targetOf(cfg)...)
	found, err := start(ctx, append(arguments, options(cfg)...))
	result := Result{
		Pushed: found.Pushed, Skipped: found.Skipped, Blocked: found.Blocked, Deleted: found.Deleted,
		Warned: found.Warned, DryRun: found.DryRun, OperationMode: found.OperationMode,
		// Of a dry run, packcore says what it would do.
		Relay:     found.Relay && !found.DryRun,
		RelayMode: found.RelayMode, RelayReason: found.RelayReason, Batching: found.Batching,
		BatchCount: found.BatchCount, PlannedBatchCount: found.PlannedBatchCount, TempRefs: found.TempRefs,
		BootstrapSuggested: found.BootstrapSuggested, SourceHEAD: plumbing.ReferenceName(found.SourceHead),
		Stats: found.Stats, Measurement: found.Measurement, Protocol: found.Protocol,
	}
	for _, plan := range found.Plans {
		result.Plans = append(result.Plans, BranchPlan{
			Branch: plan.Branch, SourceRef: plumbing.ReferenceName(plan.SourceRef),
			TargetRef:  plumbing.ReferenceName(plan.TargetRef),
			SourceHash: plumbing.NewHash(plan.SourceHash), TargetHash: plumbing.NewHash(plan.TargetHash),
			Kind: plan.Kind, Action: plan.Action, Reason: plan.Reason,
		})
	}
	// packcore always does what it can, and says by its exit code that a ref was refused.
	if err != nil && cfg.BestEffort && found.Error == nil && found.Warned > 0 && found.Blocked == 0 {
		err = nil
	}
	return result, err
}

func start(ctx context.Context, arguments []string) (answer, error) {
	command := exec.CommandContext(ctx, os.Getenv("PACKCORE_COMMAND"), append(arguments, "--json")...)
	var out, said bytes.Buffer
	command.Stdout, command.Stderr = &out, &said
	command.Env = os.Environ()
	if ssh, err := gitproto.SSHLookPath("ssh"); err == nil {
		command.Env = append(command.Env, "GIT_SSH="+ssh, "GIT_SSH_VARIANT=ssh")
	}
	failed := command.Run()
	var found answer
	if ctx.Err() != nil {
		return found, ctx.Err()
	}
	if err := json.Unmarshal(out.Bytes(), &found); err != nil {
		return found, fmt.Errorf("no answer of packcore: %w: %s", err, said.String())
	}
	if failed == nil {
		return found, nil
	}
	if found.Error != nil {
		return found, errors.New(strings.TrimSpace(found.Error.Message + " " + found.Error.Hint))
	}
	reasons := strings.TrimSpace(said.String())
	for _, plan := range found.Plans {
		reasons += "; " + plan.TargetRef + ": " + plan.Reason
	}
	return found, errors.New(reasons)
}

func targetOf(cfg Config) []string {
	if cfg.Target.URL == "" {
		return nil
	}
	return []string{cfg.Target.URL}
}

func options(cfg Config) []string {
	var given []string
	flag := func(is bool, name string) {
		if is {
			given = append(given, name)
		}
	}
	value := func(is bool, name string, text string) {
		if is {
			given = append(given, name, text)
		}
	}
	value(len(cfg.Branches) > 0, "--branch", strings.Join(cfg.Branches, ","))
	for _, mapping := range cfg.Mappings {
		value(true, "--map", mapping.Source+":"+mapping.Target)
	}
	for _, prefix := range cfg.ExcludeRefPrefixes {
		value(true, "--exclude-ref-prefix", prefix)
	}
	for _, name := range cfg.ExcludeRefs {
		value(true, "--ref", "!"+name)
	}
	flag(cfg.AllRefs, "--all-refs")
	flag(cfg.IncludeTags, "--tags")
	flag(cfg.DryRun, "--dry-run")
	flag(cfg.ShowStats, "--stats")
	flag(cfg.MeasureMemory, "--measure-memory")
	flag(cfg.ForceWithLease, "--force-with-lease")
	flag(cfg.ForceBlind, "--force-blind")
	flag(cfg.Prune, "--prune")
	value(cfg.MaxPackBytes > 0, "--max-pack-bytes", strconv.FormatInt(cfg.MaxPackBytes, 10))
	value(cfg.TargetMaxPackBytes > 0, "--target-max-pack-bytes", strconv.FormatInt(cfg.TargetMaxPackBytes, 10))
	value(cfg.TargetMaxRefUpdates > 0, "--target-max-ref-updates", strconv.Itoa(cfg.TargetMaxRefUpdates))
	value(cfg.MaterializedMaxObjects > 0, "--materialized-max-objects", strconv.Itoa(cfg.MaterializedMaxObjects))
	value(cfg.ProtocolMode != "", "--protocol", cfg.ProtocolMode)
	value(cfg.BootstrapStrategy != "", "--bootstrap-strategy", cfg.BootstrapStrategy)
	for side, endpoint := range map[string]Endpoint{"source": cfg.Source, "target": cfg.Target} {
		value(endpoint.Username != "", "--"+side+"-username", endpoint.Username)
		value(endpoint.Token != "", "--"+side+"-token", endpoint.Token)
		value(endpoint.BearerToken != "", "--"+side+"-bearer-token", endpoint.BearerToken)
		flag(endpoint.SkipTLSVerify, "--"+side+"-insecure-skip-tls-verify")
		flag(endpoint.FollowInfoRefsRedirect, "--"+side+"-follow-info-refs-redirect")
	}
	return given
}

func refs(found []struct{ Name, Hash string }) []RefInfo {
	var named []RefInfo
	for _, ref := range found {
		named = append(named, RefInfo{Name: ref.Name, Hash: plumbing.NewHash(ref.Hash)})
	}
	return named
}
