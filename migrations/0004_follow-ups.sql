CREATE TABLE `follow_ups` (
	`id` text PRIMARY KEY NOT NULL,
	`kind` text NOT NULL,
	`content` text NOT NULL,
	`due_at` integer NOT NULL,
	`failures` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `follow_ups_due` ON `follow_ups` (`due_at`);--> statement-breakpoint
ALTER TABLE `users` ADD `kept_session_id` text;