-- Contacts are sorted by job title and mobile as well, interactions by channel, direction, duration and the day on which
-- they were logged.
--
-- Ten million interactions are written often, so the four orders share three indexes. Two begin with the channel: some
-- channels never have a direction or a duration, and a list of one of those would look for them to the end of an index of
-- all. Where all channels are asked for, each is walked by itself. And none of them goes by author: an author's interactions
-- are gathered from the index that goes by time, which has all columns that takes, and sorted.

-- +goose Up
SET LOCAL maintenance_work_mem = '512MB';

CREATE INDEX contacts_mobile_order ON contacts((coalesce(mobile, '')), id) WHERE is_active;
CREATE INDEX contacts_owner_mobile_order ON contacts(owner_user_id, (coalesce(mobile, '')), id) WHERE is_active;
CREATE INDEX contacts_title_name ON contacts((coalesce(job_title, '')) COLLATE "und-x-icu", last_name COLLATE "und-x-icu", first_name COLLATE "und-x-icu", id) WHERE is_active;
CREATE INDEX contacts_owner_title_name ON contacts(owner_user_id, (coalesce(job_title, '')) COLLATE "und-x-icu", last_name COLLATE "und-x-icu", first_name COLLATE "und-x-icu", id) WHERE is_active;

CREATE INDEX interactions_channel_order ON interactions(channel, (coalesce(direction, '')), happened_at, id);
CREATE INDEX interactions_minutes_order ON interactions(channel, (coalesce(duration_minutes, -1)), happened_at, id);
CREATE INDEX interactions_logged_order ON interactions(created_at DESC, id DESC);
DROP INDEX interactions_author_newest;
CREATE INDEX interactions_author_newest ON interactions(user_id, happened_at DESC, id DESC) INCLUDE (organization_id, contact_id, channel, direction, duration_minutes, created_at);
ANALYZE contacts;
ANALYZE interactions;

-- +goose Down
DROP INDEX contacts_mobile_order, contacts_owner_mobile_order, contacts_title_name, contacts_owner_title_name,
  interactions_channel_order, interactions_minutes_order, interactions_logged_order, interactions_author_newest;
CREATE INDEX interactions_author_newest ON interactions(user_id, happened_at DESC, id DESC) INCLUDE (organization_id, contact_id);
