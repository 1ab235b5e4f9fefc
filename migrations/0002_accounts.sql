CREATE TABLE `audit_events` (
	`id` text PRIMARY KEY NOT NULL,
	`type` text NOT NULL,
	`occurred_at` integer NOT NULL,
	`actor_id` text,
	`user_id` text,
	`ip_address` text,
	`user_agent` text,
	`request_id` text,
	`details` text
);
--> statement-breakpoint
CREATE INDEX `audit_events_user` ON `audit_events` (`user_id`,`id`);--> statement-breakpoint
CREATE INDEX `audit_events_actor` ON `audit_events` (`actor_id`,`id`);--> statement-breakpoint
CREATE INDEX `audit_events_type` ON `audit_events` (`type`,`id`);--> statement-breakpoint
CREATE TABLE `email_changes` (
	`id` text PRIMARY KEY NOT NULL,
	`user_id` text NOT NULL,
	`old_email` text NOT NULL,
	`new_email` text NOT NULL,
	`session_epoch` integer NOT NULL,
	`requested_at` integer NOT NULL,
	`confirmed_at` integer,
	`undone_at` integer
);
--> statement-breakpoint
CREATE INDEX `email_changes_user` ON `email_changes` (`user_id`);--> statement-breakpoint
CREATE INDEX `email_changes_age` ON `email_changes` (`requested_at`);--> statement-breakpoint
CREATE TABLE `retired_usernames` (
	`digest` text PRIMARY KEY NOT NULL,
	`retired_until` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `retired_usernames_until` ON `retired_usernames` (`retired_until`);--> statement-breakpoint
ALTER TABLE `registrations` ADD `locale` text DEFAULT 'en' NOT NULL;--> statement-breakpoint
ALTER TABLE `users` ADD `locale` text DEFAULT 'en' NOT NULL;--> statement-breakpoint
CREATE INDEX `users_role` ON `users` (`role`,`id`);--> statement-breakpoint
CREATE INDEX `users_superusers` ON `users` (`id`) WHERE is_superuser = 1;