package postgres

import (
	"context"
	"math"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// ownerSizes remembers for a minute how many organizations each owner has, roughly, from the planner's statistics:
// counting a million takes 100 ms. It knows, too, how old interactions are. Without statistics every owner has none, for which all plans are right and
// the cheapest for small reaches are taken.
type ownerSizes struct {
	mu     sync.Mutex
	shares ownerShares
	readAt time.Time
}

type ownerShares struct {
	total  float64               // organizations
	common map[uuid.UUID]float64 // the share of those who own most
	rest   float64               // the share of any other owner
	talked []time.Time           // moments that part the interactions into equal shares, oldest first
}

// talkedSince returns a moment after which about that share of all interactions lies, false where so little is not to be told
// from all of it.
func (z ownerShares) talkedSince(share float64) (time.Time, bool) {
	parts := float64(len(z.talked) - 1)
	n := len(z.talked) - 1 - int(math.Ceil(share*parts))
	if parts < 2 || n < 1 || share > 0.5 {
		return time.Time{}, false
	}
	return z.talked[n], true
}

// smallRegister is up to how many organizations any plan of a list will do: to find the best one takes longer than the worst.
const smallRegister = 5000

// small reports whether the register is known to be small.
func (db *DB) small(ctx context.Context) (bool, error) {
	shares, err := db.sizes.read(ctx, db)
	return shares.total > 0 && shares.total <= smallRegister, err
}

// of returns the part of all organizations that belongs to owners.
func (z ownerShares) of(owners []uuid.UUID) float64 {
	sum := 0.0
	for _, o := range owners {
		share, common := z.common[o]
		if !common {
			share = z.rest
		}
		sum += share
	}
	return min(sum, 1)
}

// read returns the shares, as they were at most a minute ago. Two who find them too old may both ask.
func (z *ownerSizes) read(ctx context.Context, db *DB) (ownerShares, error) {
	z.mu.Lock()
	shares, fresh := z.shares, time.Since(z.readAt) < time.Minute
	z.mu.Unlock()
	if fresh {
		return shares, nil
	}
	type row struct {
		Total, Distinct, Nulls float64
		Owners                 []uuid.UUID
		Shares                 []float64
		Talked                 []time.Time
	}
	r, err := one[row](ctx, db.pool, `
		SELECT greatest(c.reltuples, 0)::float8 AS total, coalesce(s.null_frac, 0)::float8 AS nulls,
			coalesce(CASE WHEN s.n_distinct < 0 THEN -s.n_distinct * c.reltuples ELSE s.n_distinct END, 0)::float8 AS distinct,
			coalesce(s.most_common_vals::text::uuid[], '{}') AS owners, coalesce(s.most_common_freqs::float8[], '{}') AS shares,
			coalesce((SELECT t.histogram_bounds::text::timestamptz[] FROM pg_stats t WHERE t.schemaname = 'public' AND t.tablename = 'interactions' AND t.attname = 'happened_at'), '{}') AS talked
		FROM pg_class c LEFT JOIN pg_stats s ON s.schemaname = 'public' AND s.tablename = 'organizations' AND s.attname = 'owner_user_id'
		WHERE c.oid = 'public.organizations'::regclass`, pgx.NamedArgs{})
	if err != nil {
		return ownerShares{}, err
	}
	shares = ownerShares{talked: r.Talked, total: r.Total, common: map[uuid.UUID]float64{}}
	left := 1 - r.Nulls
	for i, o := range r.Owners {
		shares.common[o] = r.Shares[i]
		left -= r.Shares[i]
	}
	if others := r.Distinct - float64(len(r.Owners)); others >= 1 {
		shares.rest = max(left, 0) / others
	}
	z.mu.Lock()
	z.shares, z.readAt = shares, time.Now()
	z.mu.Unlock()
	return shares, nil
}
