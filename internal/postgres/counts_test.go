package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/archpilot/crm/internal/audit"
	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/internal/postgres/postgrestest"
)

// wrongCounts counts the cells that, folded and unfolded together, are not what the records say.
const wrongCounts = `
	SELECT (SELECT count(*) FROM
		(SELECT hour, channel, sum(n) AS n FROM (SELECT hour, channel, n FROM interaction_hours UNION ALL SELECT hour, channel, n FROM interaction_deltas) c GROUP BY 1, 2 HAVING sum(n) <> 0) k
		FULL JOIN (SELECT date_trunc('hour', happened_at, 'UTC') AS hour, channel, count(*) AS n FROM interactions GROUP BY 1, 2) t USING (hour, channel)
		WHERE k.n IS DISTINCT FROM t.n)
	+ (SELECT count(*) FROM
		(SELECT user_id, day, channel, sum(n) AS n FROM (SELECT user_id, day, channel, n FROM interaction_days
			UNION ALL SELECT user_id, (hour AT TIME ZONE 'UTC')::date, channel, n FROM interaction_deltas WHERE user_id IS NOT NULL) c GROUP BY 1, 2, 3 HAVING sum(n) <> 0) k
		FULL JOIN (SELECT user_id, (happened_at AT TIME ZONE 'UTC')::date AS day, channel, count(*) AS n FROM interactions WHERE user_id IS NOT NULL GROUP BY 1, 2, 3) t
		USING (user_id, day, channel) WHERE k.n IS DISTINCT FROM t.n)
	+ (SELECT count(*) FROM
		(SELECT owner_user_id, day, sum(n) AS n FROM (SELECT owner_user_id, day, n FROM client_days UNION ALL SELECT owner_user_id, day, n FROM client_deltas) c GROUP BY 1, 2 HAVING sum(n) <> 0) k
		FULL JOIN (SELECT owner_user_id, (last_contact_at AT TIME ZONE 'UTC')::date AS day, count(*) AS n FROM organization_activity WHERE is_active AND owner_user_id IS NOT NULL GROUP BY 1, 2) t
		USING (owner_user_id, day) WHERE k.n IS DISTINCT FROM t.n)
	+ (SELECT count(*) FROM
		(SELECT owner_user_id, sum(n) AS n FROM (SELECT owner_user_id, n FROM client_totals UNION ALL SELECT owner_user_id, n FROM client_deltas) c GROUP BY 1 HAVING sum(n) <> 0) k
		FULL JOIN (SELECT owner_user_id, count(*) AS n FROM organizations WHERE is_active AND owner_user_id IS NOT NULL GROUP BY 1) t
		USING (owner_user_id) WHERE k.n IS DISTINCT FROM t.n)`

// unfolded counts what waits to be folded.
const unfolded = `SELECT (SELECT count(*) FROM interaction_deltas) + (SELECT count(*) FROM client_deltas)`

// talked counts the interactions in a span the plain way.
func (f *firm) talked(t *testing.T, authors []uuid.UUID, spans []crm.Week) map[postgres.Tally]bool {
	t.Helper()
	all := map[postgres.Tally]bool{}
	for n, s := range spans {
		sql, args := `SELECT NULL::uuid, channel, count(*) FROM interactions WHERE happened_at >= $1 AND happened_at < $2 GROUP BY 1, 2`, []any{s.From, s.To}
		if authors != nil {
			sql, args = `SELECT user_id, channel, count(*) FROM interactions WHERE happened_at >= $1 AND happened_at < $2 AND user_id = ANY($3) GROUP BY 1, 2`, append(args, authors)
		}
		rows, err := f.conn.Query(ctx, sql, args...)
		fatal(t, err)
		one := postgres.Tally{Span: n}
		_, err = pgx.ForEachRow(rows, []any{&one.UserID, &one.Channel, &one.N}, func() error { all[one] = true; return nil })
		fatal(t, err)
	}
	return all
}

func asSet(tallies []postgres.Tally) map[postgres.Tally]bool {
	all := map[postgres.Tally]bool{}
	for _, c := range tallies {
		all[c] = true
	}
	return all
}

// TestCountsAreWhatTheRecordsSay lives through random work, undo included, folds now and then, and compares the figures
// with the plain aggregate after every step.
func TestCountsAreWhatTheRecordsSay(t *testing.T) {
	t.Parallel()
	const seed = 20261123
	l := &life{firm: newFirm(t), Rand: rand.New(rand.NewPCG(seed, 1)), t: t}
	l.organizations, l.contacts = []uuid.UUID{l.hers, l.his}, []uuid.UUID{l.contact(t, "Ada", idOf(l.mia.ID)), l.contact(t, "Ben", none)}
	first := l.log(t, l.all(l.mia), idOf(l.hers), idOf(l.contacts[0]), "First")
	l.conversations, l.sets = []uuid.UUID{first.ID}, []uuid.UUID{first.ChangeSet}
	authors := []uuid.UUID{l.mia.ID, l.tom.ID}
	seen := map[string]int{}
	for n := range 200 {
		what := l.step()
		if n%5 == 0 {
			must(l.db.Counts().Fold(ctx))(t)
		}
		seen[what]++
		if wrong := read[int](t, l.conn, wrongCounts); wrong > 0 {
			t.Fatalf("step %d (%s), seed %d: %d figures are wrong", n, what, seed, wrong)
		}
		from := l.moment().Add(time.Duration(l.IntN(3600)) * time.Second)
		spans := []crm.Week{
			{Span: crm.Span{From: from, To: from.Add(time.Duration(l.IntN(20*24*60)) * time.Minute)}},
			{Span: crm.Span{From: from, To: from.Add(time.Duration(l.IntN(50)) * time.Minute)}}, // within an hour, or over its edge
			{Span: crm.Span{From: from.Truncate(time.Hour), To: from.Truncate(time.Hour).Add(time.Hour)}},
			{Span: crm.Span{From: from, To: from}},
		}
		if diff := cmp.Diff(l.talked(t, nil, spans), asSet(must(postgres.FirmTalk(ctx, l.db, spans))(t))); diff != "" {
			t.Fatalf("step %d (%s), seed %d: the firm's figures (- plain, + kept):\n%s", n, what, seed, diff)
		}
		if diff := cmp.Diff(l.talked(t, authors, spans), asSet(must(postgres.AuthorTalk(ctx, l.db, authors, spans))(t))); diff != "" {
			t.Fatalf("step %d (%s), seed %d: the authors' figures (- plain, + kept):\n%s", n, what, seed, diff)
		}
	}
	if seen["undo"] < 5 || seen["delete"] < 5 || seen["edit"] < 5 {
		t.Errorf("the test has proved little: %v", seen)
	}
}

// TestCountsFollowWhatNoPageDoes: a move to another author and channel, many rows at once, all deleted.
func TestCountsFollowWhatNoPageDoes(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	for range 5 {
		f.log(t, f.all(f.mia), idOf(f.hers), none, "Call")
	}
	right := func(when string, changed int) {
		t.Helper()
		if wrong := read[int](t, f.conn, wrongCounts); wrong > 0 {
			t.Errorf("%s: %d figures are wrong", when, wrong)
		}
		if got := read[int](t, f.conn, unfolded); got != changed {
			t.Errorf("%s: %d rows wait to be folded, want %d", when, got, changed)
		}
		run(t, f.conn, `SELECT fold_counts(100)`)
		if wrong := read[int](t, f.conn, wrongCounts); wrong > 0 {
			t.Errorf("%s, folded: %d figures are wrong", when, wrong)
		}
	}
	run(t, f.conn, `SELECT fold_counts(100)`)
	run(t, f.conn, `BEGIN`)
	run(t, f.conn, `ALTER TABLE interactions DISABLE TRIGGER audit_guard`)
	run(t, f.conn, `UPDATE interactions SET subject = 'Another'`)
	right("another subject", 0)
	run(t, f.conn, `UPDATE interactions SET happened_at = date_trunc('hour', happened_at) + interval '30 minutes'`)
	run(t, f.conn, `SELECT fold_counts(100)`)
	run(t, f.conn, `UPDATE interactions SET happened_at = happened_at + interval '1 minute'`)
	right("a minute later", 0)
	run(t, f.conn, `UPDATE interactions SET user_id = $1, channel = 'note'`, f.tom.ID)
	right("another author and channel", 2)
	run(t, f.conn, `UPDATE interactions SET user_id = NULL`)
	right("nobody's", 2)
	run(t, f.conn, `DELETE FROM interactions`)
	right("all deleted", 1+2) // and the organization was never in touch
	run(t, f.conn, `ROLLBACK`)
}

// TestCountsAreExactWhileAllAreAtIt lets people log, delete and reassign while several fold, and reads the figures
// beside the plain count in one statement, which may never differ. No writer waits for a count.
func TestCountsAreExactWhileAllAreAtIt(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	done := make(chan struct{})
	var writers, others sync.WaitGroup
	errs := make(chan error, 1000)
	for n := range 4 {
		writers.Go(func() {
			s := f.all([]crm.User{f.mia, f.tom}[n%2])
			org := []uuid.UUID{f.hers, f.his}[n/2]
			for i := range 12 {
				saved, err := s.LogInteraction(ctx, crm.Interaction{OrganizationID: idOf(org), Channel: crm.Channels[n], Subject: "At once", HappenedAt: time.Now()}, audit.Organization, none)
				errs <- err
				switch i % 3 {
				case 0:
					_, err = s.DeleteInteraction(ctx, saved.ID)
					errs <- err
				case 1:
					_, err = s.Undo(ctx, saved.ChangeSet)
					errs <- err
				}
			}
		})
	}
	for range 2 {
		others.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
					_, err := f.db.Counts().Fold(ctx)
					errs <- err
					time.Sleep(2 * time.Millisecond)
				}
			}
		})
	}
	others.Go(func() {
		watch := postgrestest.Connect(t, f.conn.Config().ConnString())
		for {
			select {
			case <-done:
				return
			default:
				var wrong int
				err := watch.QueryRow(ctx, wrongCounts).Scan(&wrong)
				if wrong > 0 {
					err = fmt.Errorf("%d figures are wrong while people write", wrong)
				}
				errs <- err
				time.Sleep(2 * time.Millisecond)
			}
		}
	})
	finished := make(chan struct{})
	go func() { writers.Wait(); close(done); others.Wait(); close(errs); close(finished) }()
	for err := range errs {
		if err != nil && !errors.Is(err, crm.ErrConflict) {
			t.Error(err)
		}
	}
	<-finished
	must(f.db.Counts().Fold(ctx))(t)
	if left, wrong := read[int](t, f.conn, unfolded), read[int](t, f.conn, wrongCounts); left > 0 || wrong > 0 {
		t.Errorf("in the end %d rows are not folded and %d figures are wrong", left, wrong)
	}
	if got := read[int](t, f.conn, `SELECT count(*) FROM interactions`); got != 4*4 {
		t.Errorf("%d interactions, want %d: the test has proved little", got, 4*4)
	}
	if got := read[int](t, f.conn, `SELECT deadlocks::int FROM pg_stat_database WHERE datname = current_database()`); got != 0 {
		t.Errorf("%d deadlocks, want none", got)
	}
}

// TestAFoldThatIsKilledLeavesEverything as it was, to be folded by whoever comes next.
func TestAFoldThatIsKilledLeavesEverything(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	for range 3 {
		f.log(t, f.all(f.mia), idOf(f.hers), none, "Call")
	}
	waiting := read[int](t, f.conn, unfolded)
	dying := postgrestest.Connect(t, f.conn.Config().ConnString())
	run(t, dying, `BEGIN`)
	if n := read[int](t, dying, `SELECT fold_counts(100)`); n != waiting || waiting == 0 {
		t.Fatalf("%d rows were folded, want %d", n, waiting)
	}
	run(t, f.conn, `SELECT pg_terminate_backend($1)`, dying.PgConn().PID())
	for read[int](t, f.conn, `SELECT count(*) FROM pg_stat_activity WHERE pid = $1`, dying.PgConn().PID()) > 0 {
		time.Sleep(5 * time.Millisecond)
	}
	if got, wrong := read[int](t, f.conn, unfolded), read[int](t, f.conn, wrongCounts); got != waiting || wrong > 0 {
		t.Errorf("%d rows wait and %d figures are wrong; want %d and 0", got, wrong, waiting)
	}
	if n := must(f.db.Counts().Fold(ctx))(t); n != waiting {
		t.Errorf("the next one folded %d rows, want %d", n, waiting)
	}
	if got, wrong := read[int](t, f.conn, unfolded), read[int](t, f.conn, wrongCounts); got != 0 || wrong > 0 {
		t.Errorf("%d rows wait and %d figures are wrong; want none", got, wrong)
	}
}

// TestOneFoldsAtATime: the second passes, and neither waits nor folds.
func TestOneFoldsAtATime(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	f.log(t, f.all(f.mia), idOf(f.hers), none, "Call")
	waiting := read[int](t, f.conn, unfolded)
	run(t, f.conn, `BEGIN`)
	run(t, f.conn, `SELECT fold_counts(0)`) // holds the lock and has folded nothing yet
	impatient, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if n, err := f.db.Counts().Fold(impatient); n != 0 || err != nil {
		t.Errorf("a second one folded %d, %v; want it to pass", n, err)
	}
	run(t, f.conn, `COMMIT`)
	if n := must(f.db.Counts().Fold(ctx))(t); n != waiting {
		t.Errorf("afterwards %d rows were folded, want %d", n, waiting)
	}
}

// TestCountsAreRebuilt after the triggers were off, whatever stands in the tables.
func TestCountsAreRebuilt(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	for range 3 {
		f.log(t, f.all(f.mia), idOf(f.hers), none, "Call")
	}
	run(t, f.conn, `INSERT INTO interaction_hours VALUES (now(), 'call', 7)`)
	run(t, f.conn, `INSERT INTO client_totals VALUES ($1, 7)`, f.tom.ID)
	if read[int](t, f.conn, wrongCounts) == 0 {
		t.Fatal("wrong figures are not noticed")
	}
	run(t, f.conn, `SELECT rebuild_counts()`)
	if left, wrong := read[int](t, f.conn, unfolded), read[int](t, f.conn, wrongCounts); left != 0 || wrong > 0 {
		t.Errorf("%d rows wait and %d figures are wrong; want none", left, wrong)
	}
}
