DROP INDEX `users_role`;--> statement-breakpoint
DROP INDEX `users_unverified`;--> statement-breakpoint
CREATE INDEX `users_newest` ON `users` (`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `users_suspended` ON `users` (`created_at`,`id`) WHERE is_active = 0;--> statement-breakpoint
CREATE INDEX `users_operators` ON `users` (`role`,`created_at`,`id`) WHERE role <> 'user';--> statement-breakpoint
CREATE INDEX `users_unverified` ON `users` (`created_at`,`id`) WHERE is_verified = 0;