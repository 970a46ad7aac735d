package postgres

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/netip"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/archpilot/crm/internal/audit"
	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
)

// maxWaiting is how many jobs a user may have that are not done: what is left here in a second can keep a database
// busy for minutes.
const maxWaiting = 5

// Enqueue leaves an action on many records to be done in the background, once per form token, and returns its job.
// Rights and reach are those that the actor has when it is done.
func (s *Store) Enqueue(ctx context.Context, b crm.Bulk, token uuid.NullUUID) (uuid.UUID, error) {
	if err := s.mayBulk(b); err != nil {
		return uuid.Nil, err
	}
	return s.enqueue(ctx, idOnce(token), bulkKinds[b.Action].kind, crm.Task{Bulk: &b})
}

// idOnce is the id of what is made once per form token.
func idOnce(token uuid.NullUUID) uuid.UUID {
	if token.Valid {
		return token.UUID
	}
	return newID()
}

// EnqueueUndo leaves the undo of a change set to be done in the background. While it waits there is one job for it.
func (s *Store) EnqueueUndo(ctx context.Context, changeSet uuid.UUID) (uuid.UUID, error) {
	types, err := s.changeSetTypes(ctx, s.db.pool, changeSet)
	if err != nil {
		return uuid.Nil, err
	}
	if _, err := s.mayUndo(ctx, s.db.pool, changeSet, types); err != nil {
		return uuid.Nil, err
	}
	switch n, err := s.undoable(ctx, s.db.pool, changeSet); {
	case err != nil:
		return uuid.Nil, err
	case n == 0:
		return uuid.Nil, crm.ErrNotFound
	}
	waiting, err := scalar[uuid.UUID](ctx, s.db.pool, `SELECT id FROM jobs WHERE user_id = @me AND finished_at IS NULL AND task->>'Undo' = @set::text LIMIT 1`,
		s.args(pgx.NamedArgs{"set": changeSet}))
	if !noRows(err) {
		return waiting, err
	}
	return s.enqueue(ctx, newID(), audit.Undo, crm.Task{Undo: &changeSet})
}

func (s *Store) enqueue(ctx context.Context, id uuid.UUID, kind audit.Action, task crm.Task) (uuid.UUID, error) {
	if !s.actor.SignedIn() {
		return uuid.Nil, crm.ErrNotFound
	}
	tag, err := s.db.pool.Exec(ctx, `INSERT INTO jobs (id, kind, user_id, task, ip, ua) SELECT @id, @kind, @me, @task, @ip, @ua
		WHERE (SELECT count(*) FROM jobs WHERE user_id = @me AND finished_at IS NULL AND id <> @id) < @limit ON CONFLICT DO NOTHING`,
		s.args(pgx.NamedArgs{"id": id, "kind": kind, "task": task, "ip": s.ip(), "ua": s.ua(), "limit": maxWaiting}))
	if err != nil || tag.RowsAffected() == 1 {
		return id, err
	}
	if _, err := s.Job(ctx, id); !errors.Is(err, crm.ErrNotFound) {
		return id, err // the form was sent twice
	}
	return uuid.Nil, crm.Fault("", "You have %d actions under way already: wait until one is done.", maxWaiting)
}

// Job returns a job of the actor's own; nobody else comes upon it.
func (s *Store) Job(ctx context.Context, id uuid.UUID) (crm.Job, error) {
	if !s.actor.SignedIn() {
		return crm.Job{}, crm.ErrNotFound
	}
	type row struct {
		ID                    uuid.UUID
		Kind                  string
		Task, Result          json.RawMessage
		Done, Total           int
		CreatedAt             time.Time
		StartedAt, FinishedAt *time.Time
		ChangeSetID           uuid.NullUUID
	}
	r, err := one[row](ctx, s.db.pool, `SELECT id, kind, task, coalesce(result, '{}') AS result, done, total, created_at, started_at, finished_at, change_set_id
		FROM jobs WHERE id = @id AND user_id = @me`, s.args(pgx.NamedArgs{"id": id}))
	if err != nil {
		return crm.Job{}, notFound(err)
	}
	j := crm.Job{
		ID: r.ID, Kind: r.Kind, Done: r.Done, Total: r.Total, CreatedAt: r.CreatedAt, StartedAt: moment(r.StartedAt), FinishedAt: moment(r.FinishedAt),
	}
	err = errors.Join(json.Unmarshal(r.Task, &j.Task), json.Unmarshal(r.Result, &j.Result))
	j.Result.ChangeSet = r.ChangeSetID.UUID
	if f := j.Result.Fault; f != nil {
		wholeNumbers(f.Args)
	}
	for _, k := range j.Result.Kept {
		wholeNumbers(k.Reason.Args)
	}
	return j, err
}

// wholeNumbers makes the numbers of a message what they were: JSON knows one kind only.
func wholeNumbers(args []any) {
	for i, a := range args {
		if n, is := a.(float64); is {
			args[i] = int(n)
		}
	}
}

// Jobs is the work that waits to be done in the background. Several may work through it at once, in one process or
// many: each job is done by one of them.
type Jobs struct{ db *DB }

// Jobs returns the work that waits. The pool needs a statement timeout that fits it, and two connections.
func (db *DB) Jobs() Jobs { return Jobs{db} }

// Waiting returns the jobs that are due, those left first. One that somebody works on is among them: Do passes it over.
func (q Jobs) Waiting(ctx context.Context) ([]uuid.UUID, error) {
	return column[uuid.UUID](ctx, q.db.pool, `SELECT id FROM jobs WHERE finished_at IS NULL AND due_at <= now() ORDER BY created_at, id LIMIT 20`)
}

// job is one job that is being done. What can be done in the background and while somebody waits calls claim, tell,
// finish and close either way; on nil, where somebody waits, they do nothing.
type job struct {
	db       *DB
	id       uuid.UUID
	task     crm.Task
	actor    authz.Actor
	origin   Origin
	active   bool // the user still works here
	attempts int  // before this one
}

// maxAttempts is how often a job is tried that fails for a reason that may pass.
const maxAttempts = 5

// errElsewhere says that a job is done, or that somebody else works on it.
var errElsewhere = errors.New("the job is done or somebody else works on it")

// errUnknownTask is a job of a newer program, whose task this one does not understand in full: what it does not
// know may be what narrows it.
var errUnknownTask = errors.New("the task of a job is not understood")

// Do does a job as the user who left it, with the rights they have now. It returns nil as well for a job that is
// done or that somebody else works on, and for one that can never be done, which is given up and says why. After
// any other error the job is tried again, a few times.
func (q Jobs) Do(ctx context.Context, id uuid.UUID) error {
	j, err := q.read(ctx, id)
	if noRows(err) {
		return nil
	}
	if err == nil && !j.active {
		return j.giveUp(ctx, crm.Msg("This account was deactivated before it could be done."))
	}
	if err == nil {
		err = j.do(ctx, q.db.As(j.actor, j.origin))
	}
	var forbidden Forbidden
	var invalid crm.Invalid
	switch {
	case err == nil, errors.Is(err, errElsewhere):
		return nil
	case errors.Is(err, errUnknownTask):
		return err // the newer program does it
	case errors.Is(err, crm.ErrNotFound):
		return j.giveUp(ctx, crm.Msg("It is not there any more, or out of your reach by now."))
	case errors.As(err, &forbidden):
		return j.giveUp(ctx, crm.Msg("You lost a permission before it could be done: %s", string(forbidden.Permission)))
	case errors.As(err, &invalid):
		for _, m := range invalid {
			return j.giveUp(ctx, m)
		}
	case ctx.Err() != nil:
		return err // the program stops: whoever starts next does it
	case j != nil && j.attempts+1 >= maxAttempts:
		return errors.Join(err, j.giveUp(ctx, crm.Msg("It failed several times and was given up. Nothing was changed.")))
	case j != nil:
		return errors.Join(err, j.postpone(ctx))
	}
	return err
}

// do does the task.
func (j *job) do(ctx context.Context, s *Store) (err error) {
	switch {
	case j.task.Bulk != nil:
		_, err = s.changeSelected(ctx, *j.task.Bulk, j)
	case j.task.FollowUps != nil:
		_, err = s.changeFollowUps(ctx, *j.task.FollowUps, j)
	case j.task.Undo != nil:
		_, err = s.undo(ctx, *j.task.Undo, j)
	default:
		err = errUnknownTask
	}
	return err
}

// read reads a job that is not done, with who left it and what they may do now.
func (q Jobs) read(ctx context.Context, id uuid.UUID) (*job, error) {
	type row struct {
		Task        json.RawMessage
		IP          *netip.Addr
		UA          string
		Attempts    int
		UserID      uuid.UUID
		Name, Email string
		Zone        string
		IsActive    bool
		Grants      []string
		Owners      []uuid.UUID
	}
	r, err := one[row](ctx, q.db.pool, `SELECT j.task, j.ip, coalesce(j.ua, '') AS ua, j.attempts, u.id AS user_id, u.name, u.email, coalesce(u.zone, '') AS zone, u.is_active,
			`+rightsColumns+`
		FROM jobs j JOIN users u ON u.id = j.user_id WHERE j.id = @id AND j.finished_at IS NULL`, pgx.NamedArgs{"id": id})
	if err != nil {
		return nil, err
	}
	j := &job{db: q.db, id: id, active: r.IsActive, attempts: r.Attempts, origin: Origin{UserAgent: r.UA}}
	if r.IP != nil {
		j.origin.IP = *r.IP
	}
	j.actor = authz.Actor{UserID: r.UserID, Name: r.Name, Email: r.Email, Zone: r.Zone, Owners: r.Owners}.WithGrants(parseGrants(r.Grants)...)
	strict := json.NewDecoder(bytes.NewReader(r.Task))
	strict.DisallowUnknownFields()
	if strict.Decode(&j.task) != nil {
		return j, errUnknownTask
	}
	return j, nil
}

// claim makes the job this transaction's own until it ends, however it ends: the lock goes with the connection.
func (j *job) claim(ctx context.Context, w *work) error {
	if j == nil {
		return nil
	}
	mine, err := scalar[bool](ctx, w, `SELECT pg_try_advisory_xact_lock(6, hashtext(@id::text))`, pgx.NamedArgs{"id": j.id})
	if err != nil {
		return err
	}
	if !mine {
		return errElsewhere
	}
	// beside the transaction, so that it counts also when that fails; a statement of its own sees whether the one
	// who had the lock before has done the job
	tag, err := j.db.pool.Exec(ctx, `UPDATE jobs SET started_at = now(), attempts = @attempts, done = 0, total = 0 WHERE id = @id AND finished_at IS NULL`,
		pgx.NamedArgs{"id": j.id, "attempts": j.attempts + 1})
	if err == nil && tag.RowsAffected() == 0 {
		err = errElsewhere
	}
	return err
}

// tell writes how far the job is, beside its transaction.
func (j *job) tell(ctx context.Context, done, total int) error {
	if j == nil {
		return nil
	}
	_, err := j.db.pool.Exec(ctx, `UPDATE jobs SET done = @done, total = @total WHERE id = @id AND finished_at IS NULL`, pgx.NamedArgs{"id": j.id, "done": done, "total": total})
	return err
}

const finishJob = `UPDATE jobs SET finished_at = clock_timestamp(), result = @result, change_set_id = @changeSet WHERE id = @id AND finished_at IS NULL`

// finish marks the job done in the transaction that does it.
func (j *job) finish(ctx context.Context, w *work, r crm.JobResult) error {
	if j == nil {
		return nil
	}
	tag, err := w.Exec(ctx, finishJob, pgx.NamedArgs{"id": j.id, "result": r, "changeSet": w.changeSet})
	if err == nil && tag.RowsAffected() == 0 {
		err = errElsewhere
	}
	return err
}

// close ends a job that changed nothing.
func (j *job) close(ctx context.Context, r crm.JobResult) error {
	if j == nil {
		return nil
	}
	_, err := j.db.pool.Exec(ctx, finishJob, pgx.NamedArgs{"id": j.id, "result": r, "changeSet": uuid.NullUUID{}})
	return err
}

// giveUp ends a job that can never be done, and says why.
func (j *job) giveUp(ctx context.Context, why crm.Message) error {
	return j.close(ctx, crm.JobResult{Fault: &why})
}

// postpone lets a job wait that failed, each time longer.
func (j *job) postpone(ctx context.Context) error {
	_, err := j.db.pool.Exec(ctx, `UPDATE jobs SET due_at = now() + attempts * attempts * interval '2 seconds' WHERE id = @id AND finished_at IS NULL`, pgx.NamedArgs{"id": j.id})
	return err
}
