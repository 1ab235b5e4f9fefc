CREATE TABLE `suppressed_addresses` (
	`digest` text PRIMARY KEY NOT NULL,
	`refusals` integer NOT NULL,
	`suppressed_until` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `suppressed_addresses_until` ON `suppressed_addresses` (`suppressed_until`);