-- Lists are sorted by every column that is a fact of its own: telephone numbers, subjects, outcomes.

-- +goose Up
-- A person's number is the one that the list shows: that of the desk, else the mobile.
CREATE INDEX contacts_phone_order ON contacts((coalesce(phone, mobile, '')), id) WHERE is_active;
CREATE INDEX contacts_owner_phone_order ON contacts(owner_user_id, (coalesce(phone, mobile, '')), id) WHERE is_active;

-- Subjects and outcomes recur; what has the same goes by time. The outcome's index serves its filter as well, in
-- place of the one that knew those with an outcome only; it includes the outcome itself so that counting reads
-- nothing else.
DROP INDEX interactions_outcome_newest;
CREATE INDEX interactions_outcome ON interactions((coalesce(outcome, '')) COLLATE "und-x-icu", happened_at, id) INCLUDE (outcome);
CREATE INDEX interactions_author_outcome ON interactions(user_id, (coalesce(outcome, '')) COLLATE "und-x-icu", happened_at, id);
CREATE INDEX interactions_subject ON interactions(subject COLLATE "und-x-icu", happened_at, id);
CREATE INDEX interactions_author_subject ON interactions(user_id, subject COLLATE "und-x-icu", happened_at, id);
ANALYZE contacts;
ANALYZE interactions;

-- +goose Down
DROP INDEX contacts_phone_order, contacts_owner_phone_order, interactions_outcome, interactions_author_outcome, interactions_subject, interactions_author_subject;
CREATE INDEX interactions_outcome_newest ON interactions(outcome, happened_at DESC, id DESC) WHERE outcome IS NOT NULL;
